"""Product reviews: parts of products, and what they do."""

from harness.mini.words.wording import Pool, Wording, split

NOUNS = Pool(
    split(
        "kettle | backpack | lantern | blender | tent | jacket | stroller | drill | helmet "
        " | toaster | camera | heater"
        " | scooter | guitar | suitcase | watch | printer | mower | speaker"
        " | wagon | grill | radio | cooler | ladder"
    ),
    split("telescope | hammock | juicer | projector | sled | easel"),
)
MAKES = Pool(
    split(
        "made of steel | for camp use | in dark green | with a long warranty | for small homes"
        " | from a family firm | light enough to carry | for daily work | sold as a set"
        " | in two sizes | made by hand | for wet days"
    ),
    split("with a gift bag | for narrow balconies"),
)
WORDING = Wording(
    aspects=split(
        "lid | spout | handle | base | strap | dial | cord | lamp | zipper | pocket"
        " | button | screen | hinge | wheel | blade | motor | filter | tray | cable"
        " | plug | knob | latch | cover | frame | lens | stand | clip | hose | tank"
        " | valve | pedal | seat | belt | buckle | lining | sole | heel | collar"
        " | sleeve | pump | grille | nozzle | trigger | socket | tripod | gasket"
        " | canopy | magnet | needle"
    ),
    good=Pool(
        split(
            "opens with one finger | holds up in the rain | feels smooth to the touch"
            " | works from the first day | saves me a lot of time | looks better than in the photo"
            " | stays clean for weeks | fits my small kitchen | has never let me down"
            " | does its job without noise | cools down in a minute | pleased the whole family"
            " | beats my older one | survived a fall from the table | makes the chore easy"
            " | folds flat in seconds | keeps its shape | moves like new"
        ),
        split("clicks into place | shrugs off dust | won over my aunt | glides like silk"),
    ),
    bad=Pool(
        split(
            "slips when it gets wet | came loose in a week | smells of plastic | broke on a trip"
            " | takes too long to clean | rattles on the road | scratches at once"
            " | gets hot near the wall | needs both hands | bent under a light load"
            " | leaks a little | jams in the cold | arrived with a dent | lost its colour"
            " | makes a strange noise | wears out too fast | sticks when I hurry"
        ),
        split("squeaks like a mouse | rusts by the sea | cracked on arrival | wobbles all day"),
    ),
    people=Pool(
        split(
            "my son | my wife | my neighbour | a friend | my brother | the seller | my daughter"
            " | my old boss | the man next door | my cousin"
        ),
        split("my landlady | our vet | my barber"),
    ),
    when=Pool(
        split(
            "on most days | after two weeks | in the morning | at home | on a long trip"
            " | in my garage | with cold hands | since the spring | every weekend | out of the box"
            " | in the heat | after work | at the lake | by now | in a hurry | during the winter"
        ),
        split("on the ferry | at dawn | in my attic"),
    ),
    good_ends=Pool(
        split(
            "so I kept it | and that is rare | which is what I wanted | so I sleep better"
            " | and I use it a lot | just as the box says | and it was not even new"
            " | so I bought two | and it shows"
        ),
        split("so I told my club | and it was on sale"),
    ),
    bad_ends=Pool(
        split(
            "so I had to fix it | and nobody could help | which made me sad | so I sent a letter"
            " | and it got worse | as others have said | so I stopped using it"
            " | and the shop did not care | which is a pity"
        ),
        split("so I used some tape | and the dog hates it"),
    ),
    tails=Pool(
        split(
            "for the price | for its size | in daily use | in my view | for a beginner | this time"
            " | in every way | so far"
        ),
        split("for my age | by any measure"),
    ),
    intro=Pool(
        split(
            "I bought this {subject} last month | I got the {subject} as a gift in June"
            " | My family needed a new {subject} for the summer"
            " | We have had this {subject} for almost a year"
            " | After a long search I chose this {subject}"
            " | This {subject} came in a plain box on Monday"
            " | I wanted a {subject} that lasts"
        ),
        split("I found this {subject} at a street market | A raffle brought me this {subject}"),
    ),
    wrap=Pool(
        split(
            "I would buy the {subject} again | the {subject} is worth a look"
            " | this {subject} does what I need | I am glad that I tried the {subject}"
            " | you could do worse than this {subject} | the {subject} stays in my house"
            " | I still use the {subject} each week"
        ),
        split("the {subject} earned its shelf | my attic will not see this {subject}"),
    ),
)
