"""Languages of sentences: function words, abbreviations and ordinals of each.

Function words (articles, pronouns, prepositions) are a closed class, so short lists of them recognise a
language in a few lines of text. They also open sentences, which decides stops that could be an abbreviation's
or an ordinal's. Lists written for this project; no published one.
"""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache

from rag.text.stop_words import STOP_WORDS

_WORD = re.compile(r"[^\W\d_]+")
_READ_CHARS = 3000
"""Characters of a text from which its language is recognised."""
OTHER = ""
"""A language that is not known here."""


def _sets(lists: dict[str, str]) -> dict[str, frozenset[str]]:
    return {language: frozenset(words.split()) for language, words in lists.items()}


FUNCTION_WORDS: dict[str, Set[str]] = {
    "en": frozenset(STOP_WORDS),
    **_sets(
        {
            "de": "der die das den dem des ein eine einen einem einer eines und oder aber nicht ist sind war wird werden kann "
            "ich du er sie es wir ihr man mit von zu bei nach aus auf für über durch in im am zum zur vom als wenn weil dass "
            "auch nur noch dann danach diese dieser dieses jede jeder was wer wie wo sein haben hat",
            "fr": "le la les un une des du de et ou mais ne pas est sont était il elle ils elles on nous vous je ce cette ces "
            "dans sur pour par avec sans que qui quoi où si au aux en à se son sa ses leur plus puis donc comme quand tout",
            "es": "el la los las un una unos unas y o pero no es son era fue se su sus en de del al por para con sin que quien "
            "como cuando donde si lo le les este esta estos estas ese esa yo tú él ella nosotros hay muy más también luego qué quién quiénes cómo cuándo dónde cuál cuánto",
            "it": "il lo la i gli le un una uno e o ma non è sono era si in di del della dei delle al alla da dal dalla per con "
            "senza che chi come quando dove se questo questa questi queste io tu lui lei noi più anche poi nel nella",
            "pt": "o a os as um uma uns umas e ou mas não é são era foi se em de do da dos das no na nos nas por para com sem "
            "que quem como quando onde este esta estes estas eu tu ele ela nós mais também depois ao à pelo pela",
            "nl": "de het een en of maar niet is zijn was wordt worden kan ik jij hij zij wij ze je met van voor bij naar uit op "
            "over door in aan te als omdat dat die deze dit ook nog dan daarna wat wie hoe waar er om",
            "sv": "den det de en ett och eller men inte är var blir kan jag du han hon vi ni man med av för hos till från på "
            "över genom i om som att när där här dessa denna detta också bara sedan vad vem hur sin",
            "da": "den det de en et og eller men ikke er var bliver kan jeg du han hun vi man med af for hos til fra på over "
            "gennem i om som at når hvor her disse denne dette også kun siden hvad hvem hvordan sin efter",
            "no": "den det de en et ei og eller men ikke er var blir kan jeg du han hun vi man med av for hos til fra på over "
            "gjennom i om som at når hvor her disse denne dette også bare siden hva hvem hvordan sin etter",
            "fi": "ja tai mutta ei on oli ovat se ne hän he me te minä sinä joka mikä kun jos että niin myös vain kuin sen tämä "
            "nämä hänen jälkeen ennen kanssa",
            "pl": "i lub ale nie jest są był była było się w we z ze na do od po dla przez przy o u to ten ta te tego tej "
            "że który która które jak gdy kiedy gdzie jeśli on ona ono oni my wy ja także tylko potem co kto",
            "cs": "a nebo ale ne je jsou byl byla bylo se si v ve z ze na do od po pro při o u to ten ta ty toho že který "
            "která které jak když kde jestli on ona ono oni my vy já také jen potom co kdo",
            "hu": "a az egy és vagy de nem van volt is hogy ha mert ez azt ezt aki ami mely amely mint csak még már meg el ki "
            "be fel le után előtt közben ő ők mi ti én te",
            "tr": "bir ve veya ama değil bu şu o ile için gibi kadar daha çok en de da ki mi ne kim nasıl nerede eğer ben sen "
            "biz siz onlar her sonra önce olarak olan var yok",
            "ru": "и или но не в во на с со к ко по из от до для за о об у это этот эта эти тот та те он она оно они мы вы я "
            "что который которая которые как когда где если же бы был была было также только затем потом затем поэтому однако здесь там его её их",
            "uk": "і й або але не в у на з зі до по із від для за про це цей ця ці той та ті він вона воно вони ми ви я що який "
            "яка які як коли де якщо же був була було також тільки потім тому однак тут там його її їх",
            "el": "ο η το οι τα του της των τον την ένα μια και ή αλλά δεν είναι ήταν σε στο στη στην από για με χωρίς που πως "
            "όταν αν θα να αυτό αυτή αυτός",
        }
    ),
}
"""Language code (ISO 639-1) to its function words in small letters."""
_COMMON = "e.g i.e etc vs cf fig figs eq eqs sec ch no dr mr mrs ms prof st al approx resp dept vol pp p ed eds inc tel abt incl excl"
ABBREVIATIONS: dict[str, Set[str]] = {
    "en": frozenset(_COMMON.split()),
    **_sets(
        {
            "de": "z.b d.h bzw vgl ca evtl ggf sog inkl exkl bspw u.a u.ä o.ä i.d.r d.i s.o s.u abb tab kap nr bd hrsg jh jhd str "
            "tel prof dr dipl ing hr fr mio mrd geb gest lfd allg bes einschl zzgl ehem ggü anm aufl verf übers bzgl "
            "mind max min st",
            "fr": "m mm mme mlle dr pr p.ex c.-à-d c.à.d cf fig tab chap vol éd env av apr no nos pp p ann art réf tél st ste",
            "es": "sr sra sres srta dr dra prof profa ud uds p.ej ej pág págs núm núms cap vol fig tab aprox av avda tel art ed "
            "dpto máx mín lic ing",
            "it": "sig sigg sigra dott dottssa prof profssa ing avv p.es es pag pagg fig tab cap vol art ca cfr nr tel ed",
            "pt": "sr sra srs dr dra prof profa p.ex ex pág págs nº núm cap vol fig tab aprox av tel art ed máx mín eng",
            "nl": "bijv bv d.w.z dhr mevr mw dr prof drs ir ing nr o.a blz hfst ca m.b.v t.o.v i.p.v i.v.m a.d.h.v incl excl max "
            "min afb tab vgl resp tel",
            "sv": "t.ex bl.a d.v.s dvs ca kl nr s.k m.a.o dr prof fig tab kap sid jfr resp inkl exkl tel max min",
            "da": "f.eks bl.a d.v.s dvs ca kl nr s.k dr prof fig tab kap jf inkl ekskl tel maks min",
            "no": "f.eks bl.a d.v.s dvs ca kl nr s.k dr prof fig tab kap jf inkl ekskl tlf maks min",
            "fi": "esim ks vrt mm ym n s tri prof nro puh ts em",
            "pl": "np tzn tzw tj m.in dr prof mgr inż hab ul nr str rys tab rozdz wg ok godz im św pkt zob por al tel",
            "cs": "např tzn tzv tj mj dr prof ing doc mgr ul č str obr tab kap odst tel viz cca sv",
            "hu": "pl ill stb kb dr prof id ifj ún szt old tel sz vö",
            "tr": "dr prof doç yrd sn bkz örn çev yay haz tel no s sf cilt böl",
            "ru": "т.е т.к т.н т.п напр см ср рис табл гл стр им ул проф акад доц д-р тыс млн млрд руб др",
            "uk": "т.е т.к т.зв напр див пор рис табл гл стор ім вул проф акад доц тис млн млрд грн р рр ст",
            "el": "π.χ δηλ βλ κ.ά κ.λπ σελ κεφ αρ εικ δρ καθ τηλ",
        }
    ),
}
"""Language code to its abbreviations without their last stop, in small letters."""
_LEADS_ORDINAL = {
    "de": frozenset(
        """am im vom zum beim der die das den dem des ab bis seit nach vor und oder zwischen jeder jede jedes dieser dieses dem
        ein eine einen einem einer zur zu mit für ihr ihre sein seine unser unsere""".split()
    )
}
"""Words before an ordinal, where no small letter after it shows that it is one."""
ORDINAL_LANGUAGES = frozenset("de da no fi pl cs hu tr".split())
"""Languages that write ordinals with a stop: `17.` is the seventeenth."""


def language_of(text: str) -> str:
    """Return the language of which a text has most function words; `OTHER` for none."""
    return _language(text[:_READ_CHARS])


@lru_cache(maxsize=256)
def _language(text: str) -> str:
    words = [word.lower() for word in _WORD.findall(text)]
    counts = {language: sum(word in known for word in words) for language, known in FUNCTION_WORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] else OTHER


def is_abbreviation(word: str, language: str) -> bool:
    """Return whether a word before a stop is an abbreviation, English or the text's."""
    return word in ABBREVIATIONS["en"] or word in ABBREVIATIONS.get(language, ())


def opens_sentence(word: str, language: str) -> bool:
    """Return whether a word is one that sentences begin with."""
    lower = word.lower()
    return lower in STOP_WORDS if language in {"en", OTHER} else lower in FUNCTION_WORDS[language]


def is_ordinal(before: str, number: str, language: str) -> bool:
    """Return whether a number with a stop, followed by a capital, is an ordinal.

    `before` is the word before it, empty at the start of a sentence.
    """
    if language not in ORDINAL_LANGUAGES or len(number) > _ORDINAL_SIGNS:
        return False
    if number.isdecimal():  # nouns have a capital in German only
        leads = _LEADS_ORDINAL.get(language)
        return before.lower() in leads if leads else language == "tr" and before.islower()
    return True


_ORDINAL_SIGNS = 5
"""Most signs of an ordinal number: `XXIII` is one."""
