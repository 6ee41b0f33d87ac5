//! The number words of languages.
//!
//! `word=value`; a `?` behind the value marks a word that also means something else, here or in another
//! language: it counts only alone or within a longer number. Words of 100 and more multiply what is
//! before them.

/// How a language writes numbers.
pub(super) struct Language {
    pub words: &'static str,
    /// Words between two parts of a number.
    pub joiners: &'static [&'static str],
    /// Words in the place of a decimal mark.
    pub points: &'static [&'static str],
    pub minus: &'static [&'static str],
    /// Words are written together.
    pub is_glued: bool,
    /// `quatre-vingts`: twenty behind four multiplies.
    pub has_score: bool,
}

const fn language(
    words: &'static str,
    joiners: &'static [&'static str],
    points: &'static [&'static str],
    minus: &'static [&'static str],
) -> Language {
    Language { words, joiners, points, minus, is_glued: false, has_score: false }
}

pub(super) static LANGUAGES: [Language; 13] = [
    // English
    language(
        "zero=0 one=1? two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 eleven=11 \
         twelve=12 thirteen=13 fourteen=14 fifteen=15 sixteen=16 seventeen=17 eighteen=18 \
         nineteen=19 twenty=20 thirty=30 forty=40 fourty=40 fifty=50 sixty=60 seventy=70 eighty=80 \
         ninety=90 hundred=100 thousand=1000 million=1000000 billion=1000000000 \
         trillion=1000000000000",
        &["and"],
        &["point"],
        &["minus", "negative"],
    ),
    // German
    Language {
        is_glued: true,
        ..language(
            "eins=1 ein=1? eine=1? einen=1? zwei=2 zwo=2 drei=3 vier=4 fünf=5 fuenf=5 sechs=6 \
             sech=6? sieben=7 sieb=7? acht=8? neun=9 zehn=10 elf=11? zwölf=12 zwoelf=12 zwanzig=20 \
             dreißig=30 dreissig=30 vierzig=40 fünfzig=50 fuenfzig=50 sechzig=60 siebzig=70 \
             achtzig=80 neunzig=90 hundert=100 tausend=1000 million=1000000 millionen=1000000 \
             milliarde=1000000000 milliarden=1000000000",
            &["und"],
            &["komma"],
            &["minus"],
        )
    },
    // French
    Language {
        has_score: true,
        ..language(
            "zéro=0 un=1? une=1? deux=2 trois=3 quatre=4 cinq=5 six=6 sept=7 huit=8 neuf=9 dix=10 \
             onze=11 douze=12 treize=13 quatorze=14 quinze=15 seize=16 vingt=20 vingts=20 trente=30 \
             quarante=40 cinquante=50 soixante=60 septante=70 huitante=80 octante=80 nonante=90 \
             cent=100? cents=100? mille=1000 million=1000000 millions=1000000 milliard=1000000000 \
             milliards=1000000000",
            &["et"],
            &["virgule"],
            &["moins"],
        )
    },
    // Spanish
    Language {
        is_glued: true,
        ..language(
            "cero=0 un=1? uno=1? una=1? dos=2? tres=3 cuatro=4 cinco=5 seis=6 siete=7 ocho=8 \
             nueve=9 diez=10 once=11? doce=12 trece=13 catorce=14 quince=15 dieci=10? séis=6? \
             dieciséis=16 veinte=20 veinti=20? dós=2? trés=3? veintiún=21 treinta=30 cuarenta=40 \
             cincuenta=50 sesenta=60 setenta=70 ochenta=80 noventa=90 cien=100 ciento=100 \
             cientos=100? cientas=100? quinientos=500 quinientas=500 setecientos=700 \
             novecientos=900 mil=1000 millón=1000000 millones=1000000",
            &["y"],
            &["coma", "punto"],
            &["menos"],
        )
    },
    // Italian
    Language {
        is_glued: true,
        ..language(
            "zero=0 un=1? uno=1? una=1? due=2 tre=3 tré=3? quattro=4 cinque=5 sei=6? sette=7 otto=8 \
             nove=9 dieci=10 undici=11 dodici=12 tredici=13 quattordici=14 quindici=15 sedici=16 \
             diciassette=17 diciotto=18 diciannove=19 venti=20 vent=20? trenta=30 trent=30? \
             quaranta=40 quarant=40? cinquanta=50 cinquant=50? sessanta=60 sessant=60? settanta=70 \
             settant=70? ottanta=80 ottant=80? novanta=90 novant=90? cento=100 mille=1000 mila=1000? \
             milione=1000000 milioni=1000000 miliardo=1000000000 miliardi=1000000000",
            &["e"],
            &["virgola"],
            &["meno"],
        )
    },
    // Portuguese
    language(
        "zero=0 um=1? uma=1? dois=2 duas=2 três=3 quatro=4 cinco=5 seis=6 sete=7 oito=8 nove=9 \
         dez=10 onze=11 doze=12 treze=13 catorze=14 quatorze=14 quinze=15 dezesseis=16 dezasseis=16 \
         dezessete=17 dezassete=17 dezoito=18 dezenove=19 dezanove=19 vinte=20 trinta=30 \
         quarenta=40 cinquenta=50 sessenta=60 setenta=70 oitenta=80 noventa=90 cem=100 cento=100 \
         duzentos=200 trezentos=300 quatrocentos=400 quinhentos=500 seiscentos=600 setecentos=700 \
         oitocentos=800 novecentos=900 mil=1000 milhão=1000000 milhões=1000000",
        &["e"],
        &["vírgula"],
        &["menos"],
    ),
    // Dutch
    Language {
        is_glued: true,
        ..language(
            "nul=0? een=1? één=1? twee=2 drie=3 vier=4 vijf=5 zes=6 zeven=7 acht=8? negen=9 tien=10 \
             elf=11? twaalf=12 dertien=13 veertien=14 vijftien=15 zestien=16 zeventien=17 \
             achttien=18 negentien=19 twintig=20 dertig=30 veertig=40 vijftig=50 zestig=60 \
             zeventig=70 tachtig=80 negentig=90 honderd=100 duizend=1000 miljoen=1000000 \
             miljard=1000000000",
            &["en", "ën"],
            &["komma"],
            &["min"],
        )
    },
    // Swedish
    Language {
        is_glued: true,
        ..language(
            "noll=0 en=1? ett=1? två=2 tre=3 fyra=4 fem=5 sex=6? sju=7 åtta=8 nio=9 tio=10 elva=11 \
             tolv=12 tretton=13 fjorton=14 femton=15 sexton=16 sjutton=17 arton=18 nitton=19 \
             tjugo=20 trettio=30 fyrtio=40 femtio=50 sextio=60 sjuttio=70 åttio=80 nittio=90 \
             hundra=100 tusen=1000 miljon=1000000 miljoner=1000000",
            &[],
            &["komma"],
            &["minus"],
        )
    },
    // Polish
    language(
        "zero=0 jeden=1? jedna=1? dwa=2 dwie=2 trzy=3 cztery=4 pięć=5 sześć=6 siedem=7 osiem=8 \
         dziewięć=9 dziesięć=10 jedenaście=11 dwanaście=12 trzynaście=13 czternaście=14 \
         piętnaście=15 szesnaście=16 siedemnaście=17 osiemnaście=18 dziewiętnaście=19 \
         dwadzieścia=20 trzydzieści=30 czterdzieści=40 pięćdziesiąt=50 sześćdziesiąt=60 \
         siedemdziesiąt=70 osiemdziesiąt=80 dziewięćdziesiąt=90 sto=100 dwieście=200 trzysta=300 \
         czterysta=400 pięćset=500 sześćset=600 siedemset=700 osiemset=800 dziewięćset=900 \
         tysiąc=1000 tysiące=1000 tysięcy=1000 milion=1000000 miliony=1000000 milionów=1000000",
        &["i"],
        &["przecinek"],
        &["minus"],
    ),
    // Russian
    language(
        "ноль=0 нуль=0 один=1? одна=1? одно=1? два=2 две=2 три=3 четыре=4 пять=5 шесть=6 семь=7 \
         восемь=8 девять=9 десять=10 одиннадцать=11 двенадцать=12 тринадцать=13 четырнадцать=14 \
         пятнадцать=15 шестнадцать=16 семнадцать=17 восемнадцать=18 девятнадцать=19 двадцать=20 \
         тридцать=30 сорок=40 пятьдесят=50 шестьдесят=60 семьдесят=70 восемьдесят=80 девяносто=90 \
         сто=100 двести=200 триста=300 четыреста=400 пятьсот=500 шестьсот=600 семьсот=700 \
         восемьсот=800 девятьсот=900 тысяча=1000 тысячи=1000 тысяч=1000 миллион=1000000 \
         миллиона=1000000 миллионов=1000000 миллиард=1000000000 миллиарда=1000000000",
        &["и"],
        &["запятая"],
        &["минус"],
    ),
    // Turkish
    language(
        "sıfır=0 bir=1? iki=2 üç=3 dört=4 beş=5 altı=6 yedi=7 sekiz=8 dokuz=9 on=10? yirmi=20 \
         otuz=30 kırk=40 elli=50 altmış=60 yetmiş=70 seksen=80 doksan=90 yüz=100? bin=1000? \
         milyon=1000000 milyar=1000000000",
        &[],
        &["virgül"],
        &["eksi"],
    ),
    // Indonesian
    language(
        "nol=0 satu=1? dua=2 tiga=3 empat=4 lima=5? enam=6 tujuh=7 delapan=8 sembilan=9 sepuluh=10 \
         sebelas=11 puluh=10? belas=10? seratus=100 ratus=100 seribu=1000 ribu=1000 juta=1000000 miliar=1000000000",
        &[],
        &["koma"],
        &["minus"],
    ),
    // Korean, written together
    Language {
        is_glued: true,
        ..language(
            "영=0? 일=1? 이=2? 삼=3? 사=4? 오=5? 육=6? 칠=7? 팔=8? 구=9? 십=10? 백=100? 천=1000? \
             만=10000? 억=100000000? 하나=1? 둘=2? 셋=3 넷=4 다섯=5 여섯=6 일곱=7 여덟=8 아홉=9 \
             열=10? 스물=20 서른=30 마흔=40 쉰=50 예순=60 일흔=70 여든=80 아흔=90",
            &[],
            &["점"],
            &["마이너스"],
        )
    },
];
