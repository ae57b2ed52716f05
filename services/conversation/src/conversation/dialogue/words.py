"""How people say what could be tapped, in both languages, with slashes, slips and slang.

Every entry is written as `plain` leaves it: small letters, single spaces, е for ё, no marks at its
end. Both languages always work, whichever the chat is in.
"""

import unicodedata

from conversation.dialogue.state import Role

CHOICES: dict[str, tuple[str, ...]] = {
    # The id of a choice, and how people say it; a command is the same word behind a slash.
    "start": (
        # What takes back a stop, too.
        *("start", "begin", "subscribe", "unmute", "reminders on", "turn reminders on"),
        *("старт", "начать", "подписаться", "включить напоминания", "включи напоминания"),
    ),
    "stop": (
        *("stop", "unsubscribe", "mute", "stop reminders", "no reminders", "reminders off"),
        *("turn off reminders", "stop it", "stop all", "stopall", "opt out", "optout"),
        *("стоп", "отписаться", "отпишите меня", "отписка", "не пишите", "не пишите мне"),
        *("не надо напоминаний", "без напоминаний", "выключить напоминания", "отключить"),
        *("отключить напоминания", "выключи напоминания", "не напоминайте"),
    ),
    "menu": (
        *("menu", "main menu", "home", "hi", "hello", "hey", "hi there", "hello there"),
        *("good morning", "good afternoon", "good evening"),
        *("начало", "начнем", "меню", "главное меню", "главная", "в начало"),
        *("привет", "здравствуйте", "здравствуй", "добрый день", "добрый вечер", "доброе утро"),
    ),
    "thanks": (
        *("thanks", "thank you", "thank you very much", "thanks a lot", "many thanks", "thx", "ty"),
        *("great", "super", "cool", "perfect", "wonderful", "❤", "🙏"),
        *("спасибо", "спасибо большое", "большое спасибо", "благодарю", "спс", "пасиб"),
        *("отлично", "супер", "класс", "здорово", "замечательно"),
    ),
    "coming": (
        *("i'm coming", "im coming", "i am coming", "i'll come", "i will come", "still coming"),
        *("yes i'm coming", "yes, i'm coming", "i'll be there", "see you there"),
        *("приду", "я приду", "да приду", "да, приду", "буду", "я буду", "обязательно приду"),
    ),
    "calendars": (
        *("calendar", "add to calendar", "to calendar", "calender", "ics", "save the date"),
        *("календарь", "в календарь", "добавить в календарь", "добавь в календарь"),
        *("добавьте в календарь", "каледарь"),
    ),
    "restart": (
        *("restart", "start over", "start again", "start anew", "reset", "from the beginning"),
        *("заново", "начать заново", "сначала", "начать сначала", "с начала", "сброс"),
    ),
    "events": (
        *("events", "event", "evnts", "evens", "eventes", "event list", "list of events", "list"),
        *("all events", "show events", "show me the events", "other events", "what's on"),
        *("whats on", "what is on"),
        *("мероприятия", "мероприятие", "мероприятя", "меропрития", "события", "событие"),
        *("список", "список мероприятий", "все мероприятия", "другие мероприятия", "афиша"),
        *("что есть", "что будет", "куда пойти", "покажи мероприятия", "расписание"),
    ),
    "register": (
        *("register", "registration", "sign up", "signup", "sign me up", "book", "book a seat"),
        *("regiter", "join", "i want to register", "i want to come"),
        *("записаться", "запись", "регистрация", "зарегистрироваться", "хочу записаться"),
        *("запиши меня", "запишите меня", "хочу пойти"),
        *("waiting list", "join the waiting list", "join waiting list", "queue"),
        *("очередь", "встать в очередь", "в очередь", "лист ожидания"),
    ),
    "my": (
        *("my", "my registrations", "my registration", "registrations", "my events", "my bookings"),
        *("bookings", "my seats", "my seat", "mine", "my place", "where am i registered"),
        *("мои", "мои записи", "моя запись", "мои регистрации", "моя регистрация", "мое место"),
        *("мои мероприятия", "мои события", "мои брони", "мои места", "куда я записан"),
        *("куда я записана", "записи"),
    ),
    "tickets": (
        *("ticket", "my ticket", "tickets", "my tickets", "tiket", "ticet", "show my ticket"),
        *("qr", "qr code", "my qr code", "show ticket", "ticket again", "ticket please"),
        *("билет", "мой билет", "билеты", "мои билеты", "белет", "билед", "покажи билет"),
        *("qr код", "qr-код", "куар", "куар код", "кьюар", "код билета", "пришлите билет"),
    ),
    "cancel": (
        *("cancel", "cancel registration", "cancel my registration", "cansel", "canel", "cancle"),
        *("cancel it",),
        *("unregister", "i can't come", "i cant come", "can't come", "cant come"),
        *("отмена", "отменить", "отменить запись", "отмени", "отмените", "атмена"),
        *("отменить регистрацию", "отказаться", "передумал", "передумала"),
        *("не приду", "не смогу", "не смогу прийти", "не могу прийти"),
    ),
    "exit": (
        *("exit", "quit", "abort", "leave", "never mind", "nevermind", "enough"),
        *("выход", "выйти", "хватит", "закончить", "прервать", "неважно"),
    ),
    "change": (
        *("change", "edit", "correct it", "fix it", "change it", "change my data"),
        *("изменить", "исправить", "поменять", "изменить данные", "ошибка"),
    ),
    "here": (
        *("continue", "go on", "go on registering", "where are we", "where was i"),
        *("продолжить", "продолжить запись", "продолжай", "продолжим"),
    ),
    "back": (
        *("back", "go back", "bak", "step back", "one step back", "undo", "return"),
        *("назад", "наза", "обратно", "вернуться", "вернись", "шаг назад", "вернуться назад"),
    ),
    "help": (
        *("help", "?", "??", "hlep", "hepl", "halp", "help me", "info", "about", "how", "faq"),
        *("what can you do", "what can i do", "how does it work", "commands", "i need help"),
        *("помощь", "помоги", "помогите", "справка", "памагите", "помошь", "хелп", "инфо"),
        *("что ты умеешь", "что вы умеете", "что делать", "как это работает", "команды"),
    ),
    "link": (
        *("link", "link me", "link account", "link my account", "link accounts", "connect"),
        *("already registered", "i am already registered", "i'm already registered"),
        *("i am registered", "i have registered", "i already registered", "log in", "login"),
        *("привязать", "привязка", "связать", "привяжи", "войти", "вход", "подключить"),
        *("уже записан", "уже записана", "я уже записан", "я уже записана", "я уже записан(а)"),
        *("уже зарегистрирован", "я уже зарегистрирован", "я уже зарегистрирована"),
    ),
    "resend": (
        *("resend", "send again", "send it again", "send the code again", "new code"),
        *("another code", "no code", "where is the code", "i got no code", "code did not come"),
        *("новый код", "другой код", "где код", "нет кода", "код не пришел", "не пришел код"),
        *("пришлите еще раз", "прислать еще раз", "отправить еще раз", "прислать код еще раз"),
    ),
    "unlink": (
        *("unlink", "unlink me", "unlink account", "unlink this chat", "disconnect", "log out"),
        *("logout", "sign out"),
        *("отвязать", "отвяжи", "отвязка", "отвязать чат", "отключить чат", "разлогиниться"),
    ),
    "mydata": (
        *("mydata", "my data", "my personal data", "what do you know about me", "export my data"),
        *("мои данные", "мои персональные данные", "что вы обо мне знаете", "покажи мои данные"),
        *("что ты обо мне знаешь", "данные обо мне"),
    ),
    "forget": (
        *("forget me", "delete me", "delete my data", "erase me", "erase my data", "remove me"),
        *("delete my account", "forget about me"),
        *("забудь меня", "забудьте меня", "удали меня", "удалите меня", "удали мои данные"),
        *("удалите мои данные", "удалить мои данные", "забыть меня", "стереть мои данные"),
    ),
    "privacy": (
        *("privacy", "privacy policy", "data protection", "personal data", "gdpr"),
        *("конфиденциальность", "приватность", "политика конфиденциальности"),
        *("персональные данные", "защита данных", "обработка данных"),
    ),
    "lang": (
        *("language", "lang", "change language", "languages", "langauge", "lenguage"),
        *("язык", "сменить язык", "поменять язык", "языки", "другой язык", "выбрать язык"),
    ),
    "lang:en": (
        *("english", "in english", "english please", "inglish", "englsh", "speak english", "eng"),
        *("switch to english", "en", "английский", "по-английски", "по английски"),
        *("на английском", "английский язык", "англ", "инглиш"),
    ),
    "lang:ru": (
        *("russian", "in russian", "russian please", "speak russian", "switch to russian", "rus"),
        *("po-russki", "po russki", "russkij", "russkiy", "ru", "русский", "по-русски"),
        *("по русски", "на русском", "русский язык", "руский", "рус", "давай по-русски"),
    ),
}

COMMANDS: dict[str, str] = {"forget": "forget", "забудь": "forget"}
"""What is a command behind a slash alone: without one these are code words."""

CODE_WORDS = frozenset({"forget", "забудь"})
"""Typed after the question, either does it in either language."""

ROLES: dict[Role, tuple[str, ...]] = {
    "yes": (
        *("yes", "y", "yep", "yeah", "yea", "yup", "ye", "yess", "ok", "okay", "okey", "k", "sure"),
        *("of course", "certainly", "correct", "right", "all right", "that's right", "confirm"),
        *("yes please", "do it", "fine", "agreed", "great", "perfect", "👍", "✅", "👌", "+"),
        *("да", "д", "ага", "угу", "ок", "окей", "хорошо", "конечно", "да конечно", "верно"),
        *(
            "все верно",
            "правильно",
            "подтверждаю",
            "подтвердить",
            "согласен",
            "согласна",
            "давай",
            "давайте",
        ),
        *("да пожалуйста", "хочу", "отлично"),
    ),
    "no": (
        *("no", "n", "nope", "nah", "no thanks", "no thank you", "not now", "wrong", "👎", "❌"),
        *("do not", "don't", "dont", "-"),
        *("нет", "не", "неа", "не надо", "не нужно", "нет спасибо", "не сейчас", "неверно"),
        *("неправильно", "не хочу"),
    ),
    "next": ("next", "more", "next page", "further", "дальше", "далее", "еще", "вперед", "»", ">"),
    "previous": ("previous", "prev", "previous page", "earlier", "раньше", "предыдущая", "«", "<"),
}

NUMBERS: tuple[tuple[str, ...], ...] = (
    ("one", "first", "the first", "the first one", "один", "первый", "первое", "первая"),
    ("two", "second", "the second", "the second one", "два", "второй", "второе", "вторая"),
    ("three", "third", "the third", "the third one", "три", "третий", "третье", "третья"),
    ("four", "fourth", "the fourth", "четыре", "четвертый", "четвертое", "четвертая"),
    ("five", "fifth", "the fifth", "пять", "пятый", "пятое", "пятая"),
    ("six", "sixth", "шесть", "шестой", "шестое", "шестая"),
    ("seven", "seventh", "семь", "седьмой", "седьмое", "седьмая"),
    ("eight", "eighth", "восемь", "восьмой", "восьмое", "восьмая"),
    ("nine", "ninth", "девять", "девятый", "девятое", "девятая"),
    ("ten", "tenth", "десять", "десятый", "десятое", "десятая"),
)
"""Numbers of choices in words, from the first."""

NAMES_TOO = frozenset(
    {"link", "my", "en", "ru", "eng", "rus", "mine", "ye", "yea", "more", "book", "join", "about"}
)
"""Words that people are called by; where a name is asked they are names."""

_MARKS = " .!,;:…"
_LATIN_KEYS = "qwertyuiop[]asdfghjkl;'zxcvbnm,."
_RUSSIAN_KEYS = "йцукенгшщзхъфывапролджэячсмитьбю"
_OTHER_KEYBOARD = str.maketrans(_LATIN_KEYS + _RUSSIAN_KEYS, _RUSSIAN_KEYS + _LATIN_KEYS)


def plain(text: str) -> str:
    """The text as it stands in these lists: case, spacing, ё and marks at its end told apart by
    nobody.
    """
    said = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е").replace("\ufe0f", "")
    said = " ".join(said.replace("’", "'").replace("ʼ", "'").split())
    return said.rstrip(_MARKS) or said


def on_the_other_keyboard(word: str) -> str:
    """What the same keys type in the other layout: "рудз" is help, and "jnvtyf" is отмена."""
    return word.translate(_OTHER_KEYBOARD)
