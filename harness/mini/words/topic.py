"""Forum posts: what people like and dislike in a new situation."""

from harness.mini.words.wording import Pool, Wording, split

SITUATIONS = Pool(
    split(
        "new job | small flat | first semester | shared house | night shift | summer course"
        " | trial month | old cottage | rented room | student home | temp job | first year"
        " | remote job | campus room | internship | evening class"
    ),
    split("houseboat | farm stay | boarding school"),
)
WORDING = Wording(
    aspects=split(
        "kitchen | window | rent | garden | heating | neighbour | bus | stairs"
        " | commute | salary | boss | desk | lunch | schedule | roommate | exam"
        " | teacher | homework | coffee | parking | internet | landlord | balcony | gym"
        " | weather | traffic | food | bathroom | elevator | laundry | deposit"
        " | mattress | carpet | meeting | holiday | uniform | project | basement"
        " | mailbox | curfew | canteen | dentist | subway | thermostat | sauna"
    ),
    good=Pool(
        split(
            "makes my week easier | calms me down | is better than I feared | costs me nothing"
            " | gives me hope | keeps me going | was a nice surprise | feels like home"
            " | works out well | saves me an hour | helps me sleep | made me smile"
            " | is the best part of my day | beats my last place | cheers me up"
            " | gets better each week | lets me relax"
        ),
        split("warms my heart | turned my mood around | charms all my guests"),
    ),
    bad=Pool(
        split(
            "keeps me awake | drives me mad | costs too much | gets on my nerves"
            " | makes me nervous | ruins my evenings | was not what they promised"
            " | takes up all my time | makes me want to quit | gets worse each week"
            " | leaves me tired | is out of my control | stresses me out | eats my savings"
            " | gave me a headache | makes no sense to me"
        ),
        split("haunts my dreams | sours my mood | tests my patience"),
    ),
    people=Pool(
        split(
            "my mom | my friend | my sister | everyone here | my partner | a coworker | my dad"
            " | my best friend | a classmate | my uncle"
        ),
        split("my therapist | our janitor | my godmother"),
    ),
    when=Pool(
        split(
            "on weekdays | since last month | in the evening | at night | before class"
            " | on Mondays | when it rains | after dinner | most of the time | these days"
            " | during the week | on bad days | early in the day | when I am alone | at weekends"
        ),
        split("at full moon | around Easter"),
    ),
    good_ends=Pool(
        split(
            "so I want to stay | and I did not expect that | which is a relief"
            " | so I can breathe | and I told my family | which means a lot | so life is fine"
            " | and I am thankful | which helps"
        ),
        split("so I danced a bit | and I wrote a poem"),
    ),
    bad_ends=Pool(
        split(
            "so I want to leave | and I cannot change it | which is a pain | so I cried"
            " | and nobody listens | which scares me | so I need a plan | and I feel stuck"
            " | which hurts"
        ),
        split("so I hid in bed | and I burnt my toast"),
    ),
    tails=Pool(
        split(
            "for me | for a newcomer | right now | in my case | these weeks | as it stands"
            " | in many ways | so far"
        ),
        split("for my age | by any measure"),
    ),
    intro=Pool(
        split(
            "I started my {subject} last month | My {subject} began three weeks ago"
            " | Two months ago I said yes to this {subject}"
            " | I am still new to this {subject} and need to talk"
            " | Nobody warned me about the {subject}"
            " | I need some views on my {subject} please"
        ),
        split("Fate handed me this {subject} | A coin toss led me to this {subject}"),
    ),
    wrap=Pool(
        split(
            "I will give the {subject} more time | the {subject} could be fine"
            " | I do not know what to do about the {subject} | this {subject} is a mixed bag"
            " | what would you do with this {subject} | I may keep the {subject} for now"
        ),
        split("the {subject} is my fate | I shall write a song about the {subject}"),
    ),
)
