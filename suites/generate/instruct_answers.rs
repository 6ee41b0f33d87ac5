//! The instructions, each with an answer that follows all of them and one that misses one, as
//! models do: a word too many, a capital at the beginning, a forbidden letter in a common word.

use crate::instruct::Demand::{
    self, Begins, Bracketed, EachLineBegins, EachLineEnds, EachLineWords, EachWordBegins, Ends,
    Items, Keys, Lines, Lower, NoComma, NoDigit, Numbered, Question, Sentences, Upper, Without,
    Word, WordTimes, Words, WordsAtLeast,
};
use crate::instruct::Instruction;

/// An instruction in one line of a table.
const fn follow(
    topic: &'static str,
    demands: &'static [Demand],
    answer: &'static str,
    wrong: &'static str,
) -> Instruction {
    Instruction { topic, demands, answer, wrong }
}

/// All instructions.
pub const INSTRUCTIONS: [Instruction; 48] = [
    follow(
        "Describe the sea in a poem.",
        &[Lines(3), EachLineWords(4), Lower],
        "grey waves come home\nsalt wind sings low\nthe gulls fly on",
        "Grey waves come home\nSalt wind sings low\nThe gulls fly on",
    ),
    follow(
        "Say why sleep matters.",
        &[Sentences(2), Words(12), NoComma],
        "Sleep repairs the tired body. It also sorts what we have learned.",
        "Sleep repairs the body, and it sorts memories. It is good.",
    ),
    follow(
        "Name fruits.",
        &[Items(5), Lower, Without('e')],
        "plum; fig; mango; kiwi; papaya",
        "plum; fig; mango; apple; papaya",
    ),
    follow(
        "Ask someone for the way to the station.",
        &[Question, Begins("Excuse me"), Word("station"), Words(9)],
        "Excuse me, which way leads to the station, please?",
        "Excuse me, could you tell me the way to the station?",
    ),
    follow(
        "Give rules for a library.",
        &[Numbered(3), NoComma, Word("books")],
        "1) Keep quiet.\n2) Return books on time.\n3) Leave food outside.",
        "1. Keep quiet.\n2. Return books on time.\n3. Leave food outside.",
    ),
    follow(
        "Write a warning for a wet floor.",
        &[Upper, Words(5), Ends("!")],
        "CAREFUL! THE FLOOR IS WET!",
        "CAUTION: WET FLOOR! WATCH YOUR STEP!",
    ),
    follow(
        "Introduce an invented town.",
        &[Keys(&["name", "river", "known for"]), NoDigit, Lower],
        "name: alderby\nriver: the lune\nknown for: its blue tiles",
        "Name: Alderby\nRiver: the Lune\nKnown for: its blue tiles",
    ),
    follow(
        "Describe a cat.",
        &[EachWordBegins('s'), Words(5)],
        "Sleek, silent, sleepy, sometimes sly",
        "Sleek, silent, sleepy and sly",
    ),
    follow(
        "Say something about rain.",
        &[Sentences(3), WordTimes("rain", 2)],
        "The rain came early. Nobody had asked for rain. We stayed in.",
        "The rain came early. The rain stayed. We love the rain.",
    ),
    follow(
        "Thank a colleague.",
        &[Bracketed, Word("thank"), NoComma, Words(8)],
        "[[I thank you for all of your help]]",
        "I thank you for all of your help",
    ),
    follow(
        "Describe winter.",
        &[Without('i'), Sentences(2), Word("snow")],
        "The snow covers the roofs. People stay at home.",
        "In winter snow covers the roofs. People stay inside.",
    ),
    follow(
        "Name tools of a carpenter.",
        &[Lines(4), EachLineBegins("* "), EachLineWords(2)],
        "* saw\n* plane\n* chisel\n* hammer",
        "* hand saw\n* plane\n* chisel\n* hammer",
    ),
    follow(
        "Explain what a mirror does.",
        &[WordsAtLeast(4), Words(6)],
        "Mirrors throw light back towards faces",
        "A mirror throws light back at us",
    ),
    follow(
        "Write a couplet about bread.",
        &[Lines(2), EachLineEnds("bread"), NoComma],
        "The morning smells of bread\nI rise and think of bread",
        "The morning smells of bread\nSo I get out of bed",
    ),
    follow(
        "Say when the shop is open.",
        &[NoDigit, Word("nine"), Word("five"), Sentences(1)],
        "The shop is open from nine to five.",
        "The shop is open from 9 (nine) to 5 (five).",
    ),
    follow(
        "Invent a slogan for a bicycle shop.",
        &[Words(4), EachWordBegins('b'), Ends("!")],
        "Better bikes, better balance!",
        "Better bikes, brighter days!",
    ),
    follow(
        "Compare tea and coffee.",
        &[WordTimes("tea", 1), WordTimes("coffee", 2), Sentences(2)],
        "I drink coffee at dawn. At dusk I leave coffee and turn to tea.",
        "I drink coffee at dawn. At dusk I turn to tea.",
    ),
    follow("Name two planets.", &[Items(2), Upper, Without('r')], "VENUS; NEPTUNE", "VENUS; MARS"),
    follow(
        "Write a telegram about a delayed journey.",
        &[Upper, WordTimes("STOP", 3), NoComma],
        "TRAIN LATE STOP ARRIVE FRIDAY STOP SEND NO CAR STOP",
        "TRAIN LATE STOP ARRIVE FRIDAY STOP",
    ),
    follow(
        "Ask a question about the moon.",
        &[Question, Lower, Without('a'), Words(6)],
        "why does the moon look bigger?",
        "what makes the moon look bigger?",
    ),
    follow(
        "Give steps to boil an egg.",
        &[Numbered(4), EachLineEnds("."), NoComma],
        "1) Boil water.\n2) Add the egg.\n3) Wait a while.\n4) Cool it.",
        "1) Boil water.\n2) Add the egg, gently.\n3) Wait a while.\n4) Cool it.",
    ),
    follow(
        "Describe a forest at night.",
        &[Sentences(2), Begins("Between"), Ends("silence."), NoComma],
        "Between the trunks an owl calls. Then there is silence.",
        "Between the trunks, an owl calls. Then there is silence.",
    ),
    follow(
        "Write a file header.",
        &[Lines(3), EachLineBegins("# "), Lower],
        "# list of birds\n# kept by the club\n# one name a line",
        "# List of birds\n# Kept by the club\n# One name a line",
    ),
    follow(
        "Say that a meeting moves to Monday, politely.",
        &[Word("Monday"), Word("sorry"), Words(10), Sentences(1)],
        "We are sorry to move our next meeting to Monday.",
        "We are very sorry, but the meeting has to move to Monday.",
    ),
    follow(
        "Describe a storm.",
        &[EachWordBegins('w'), Words(4), Lower],
        "wild winds whip water",
        "Wild winds whip waves",
    ),
    follow(
        "Name musical instruments.",
        &[Items(6), NoDigit, Without('o')],
        "flute; harp; tuba; drum; lute; bugle",
        "flute; harp; piano; drum; lute; bugle",
    ),
    follow(
        "Give a definition of a bridge.",
        &[Words(7), Without('s'), Begins("A bridge")],
        "A bridge will carry people over water",
        "A bridge is built to cross a river",
    ),
    follow(
        "Write the minutes of a very short meeting.",
        &[Keys(&["present", "decided", "next meeting"]), NoComma],
        "present: Uma and Farid\ndecided: to buy paint\nnext meeting: in May",
        "present: Uma, Farid, Rosa\ndecided: to buy paint\nnext meeting: in May",
    ),
    follow(
        "Encourage a runner.",
        &[Bracketed, Upper, Words(3)],
        "[[KEEP GOING NOW]]",
        "[[KEEP GOING, YOU CAN DO IT]]",
    ),
    follow(
        "Describe an old clock.",
        &[Sentences(3), Without('t'), Words(10)],
        "An old clock hangs here. Nobody winds her. She sleeps.",
        "The old clock hangs here. Nobody winds it. It sleeps now.",
    ),
    follow(
        "Write a short diary entry.",
        &[Begins("Today"), WordTimes("and", 2), Sentences(2)],
        "Today I swam and read. Then I cooked and slept.",
        "Today I swam and read. Then I cooked, ate and slept, and dreamed.",
    ),
    follow(
        "Tell how to save water.",
        &[Lines(3), EachLineBegins("- "), EachLineWords(4), NoComma],
        "- Take shorter showers\n- Repair dripping taps\n- Reuse rinsing water",
        "- Take shorter showers\n- Fix dripping taps quickly\n- Reuse water",
    ),
    follow(
        "Name colours.",
        &[Lines(4), EachLineWords(1), Upper, Without('e')],
        "PINK\nGOLD\nTAN\nBLACK",
        "PINK\nGOLD\nRED\nBLACK",
    ),
    follow(
        "Explain why the sky is dark at night.",
        &[Sentences(1), Words(11), Word("sun"), NoComma],
        "Our half of the world faces away from the sun then.",
        "At night, the sun is on the other side of the earth.",
    ),
    follow(
        "Ask for a refund.",
        &[Question, Word("refund"), NoComma, Words(8)],
        "Could you please send me a full refund?",
        "I would like a full refund, please?",
    ),
    follow(
        "Write a riddle about a shadow.",
        &[Lines(2), EachLineBegins("I "), Without('w')],
        "I go along beside you\nI leave at noon",
        "I follow wherever you walk\nI leave at noon",
    ),
    follow(
        "Describe breakfast.",
        &[WordsAtLeast(5), Words(4), Lower],
        "toast butter honey coffee",
        "Toast with butter and honey",
    ),
    follow(
        "Give three reasons to plant trees.",
        &[Numbered(3), Without('u'), NoComma],
        "1) Shade in the heat\n2) Homes for birds\n3) Clean air",
        "1) Shade in summer\n2) Homes for birds\n3) Pure air",
    ),
    follow(
        "Congratulate someone on a prize.",
        &[Ends("Well done!"), Words(7), NoDigit],
        "The jury chose your cake. Well done!",
        "Congratulations on the first prize! Well done indeed!",
    ),
    follow(
        "Describe a market.",
        &[Sentences(2), WordTimes("the", 3), Lower],
        "the stalls fill the square. by noon the fish is gone.",
        "The stalls fill the square. By noon the fish is gone.",
    ),
    follow(
        "Write a label for a jar.",
        &[Keys(&["content", "made in", "best before"]), Lower, NoDigit],
        "content: plum jam\nmade in: june\nbest before: next june",
        "Content: plum jam\nMade in: June\nBest before: next June",
    ),
    follow(
        "Name animals of the farm.",
        &[Items(4), EachWordBegins('g'), Lower],
        "goose; goat; gander; gelding",
        "goose; goat; gander; horse",
    ),
    follow(
        "Say what an archive is for.",
        &[Without('a'), Words(6), Sentences(1)],
        "It keeps old documents for others.",
        "It keeps papers that matter later.",
    ),
    follow(
        "Write a haiku-like poem on autumn.",
        &[Lines(3), EachLineEnds("."), EachLineWords(3), NoComma],
        "Leaves turn brown.\nThe wind wakes.\nNobody rakes them.",
        "Leaves turn brown,\nThe wind wakes.\nNobody rakes them.",
    ),
    follow(
        "Describe a train journey.",
        &[Begins("We left"), Ends("at last"), Words(9), NoComma],
        "We left in fog and came home at last",
        "We left in fog and we came home at last.",
    ),
    follow(
        "Give advice on writing letters.",
        &[Sentences(2), Words(8), WordTimes("short", 2)],
        "Keep letters short. Keep your sentences short too.",
        "Keep letters short. Good letters make reading easy.",
    ),
    follow(
        "Announce a concert.",
        &[Bracketed, Word("concert"), Word("free"), Lower, NoDigit],
        "[[concert on sunday, entry is free]]",
        "[[Concert on Sunday at 8, entry is free]]",
    ),
    follow(
        "Describe a desert.",
        &[EachLineWords(3), Lines(3), Without('e'), Lower],
        "sand and sand\nsun on rock\nno rain again",
        "sand and dunes\nsun on rock\nno rain ever",
    ),
];
