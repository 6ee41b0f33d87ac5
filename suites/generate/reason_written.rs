//! Questions of everyday inference, each with the right choice first and the tempting one second.

/// A tag, the question, and its choices.
pub const PUZZLES: [(&str, &str, [&str; 4]); 12] = [
    (
        "conditional",
        "Whenever the furnace is on, the red lamp is lit. The red lamp is lit now. What follows?",
        [
            "Nothing certain about the furnace",
            "The furnace is on",
            "The furnace is off",
            "The lamp is broken",
        ],
    ),
    (
        "conditional",
        "A club's rule: whoever borrows a tool must leave a deposit. Four cards show on one side \
         whether a tool was borrowed, on the other whether a deposit was left. Their visible sides \
         read: \"borrowed\", \"not borrowed\", \"deposit\", \"no deposit\". Which cards must be turned to \
         see whether the rule was kept?",
        [
            "\"borrowed\" and \"no deposit\"",
            "\"borrowed\" and \"deposit\"",
            "\"borrowed\" only",
            "All four",
        ],
    ),
    (
        "cause",
        "In towns with more storks more babies are born. Larger towns have more storks. Which \
         explanation fits best?",
        [
            "Larger towns have more storks and more births",
            "Storks raise the number of births",
            "Births attract storks to a town",
            "Storks prefer small towns",
        ],
    ),
    (
        "chance",
        "A test finds a rare fault in 99 of 100 faulty parts, and wrongly reports it in 5 of 100 sound \
         ones. One part in 1,000 is faulty. A part picked at random is reported faulty. How likely is \
         it to be faulty?",
        ["About 2 %", "About 99 %", "About 95 %", "About 50 %"],
    ),
    (
        "chance",
        "A fair coin has shown heads six times in a row. What is the chance that it shows heads on \
         the next throw?",
        ["1/2", "Less than 1/2", "1/128", "More than 1/2"],
    ),
    (
        "family",
        "A man points at a portrait: \"The father of this man is my father's son, and I have neither \
         brothers nor sisters.\" Whose portrait is it?",
        ["His son's", "His own", "His father's", "His nephew's"],
    ),
    (
        "family",
        "Edda is the mother of Jonas. Jonas is the brother of Lena's husband Milan. Lena has one \
         daughter, Uma, with Milan. Jonas and Milan have the same parents. How is Edda related to Uma?",
        ["Grandmother", "Aunt", "Great-aunt", "Stepmother"],
    ),
    (
        "selection",
        "A workshop looks at the bullet holes in planes that came back from battle and finds most in \
         the wings and hardly any in the engines. Where does armour help most?",
        [
            "On the engines: planes hit there did not return",
            "On the wings: they are hit most often",
            "Everywhere alike",
            "Nowhere: the planes returned anyway",
        ],
    ),
    (
        "rate",
        "Five presses make five lids in five minutes. How long do a hundred presses need for a \
         hundred lids?",
        ["5 minutes", "100 minutes", "20 minutes", "1 minute"],
    ),
    (
        "rate",
        "Algae on a pond double their area each day. They cover the whole pond on day 30. On which \
         day did they cover a quarter of it?",
        ["Day 28", "Day 15", "Day 8", "Day 29"],
    ),
    (
        "belief",
        "Tove puts her key in the blue jar and leaves. While she is away, Samir moves it to the drawer. \
         Quinn watches him through the window, and Tove, coming back, sees Quinn's reflection but \
         neither Samir nor the key. Nobody speaks. Where does Quinn expect Tove to look first?",
        ["In the blue jar", "In the drawer", "By the window", "In Samir's pocket"],
    ),
    (
        "rules",
        "A sign at a bridge reads: \"Carts above two tonnes may cross only by day, unless they carry \
         milk.\" At midnight four carts wait: one tonne of bricks, three tonnes of milk, three tonnes \
         of bricks, two tonnes of hay. The weights are those of the loaded carts. How many may cross now?",
        ["3", "2", "1", "4"],
    ),
];
