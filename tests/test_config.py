"""nvr.toml: what is accepted, and that each mistake is named with its place and what is allowed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.config import load
from nvr.errors import ConfigError
from nvr.events import Mode, Response, Role, Rule, StreamKey
from nvr.record.keep.retention import Days, Keep
from nvr.record.model import FootageClass

STORAGE = '[storage]\nrecordings = "recordings"\nstate = "/var/lib/nvr"\n'
CAMERA = '[[camera]]\nid = "gate"\nname = "Cổng làng"\nmain = "rtsp://192.168.1.64/main"\n'


@pytest.fixture
def load_text(tmp_path):
    def load_text(text: str):
        file = tmp_path / "nvr.toml"
        file.write_text(text, "utf-8")
        return load(file)

    return load_text


def test_a_small_file_gets_safe_defaults(load_text, tmp_path):
    config = load_text(STORAGE + CAMERA + 'sub = "rtsp://192.168.1.64/sub"\n')
    (camera,) = config.camera
    assert camera.streams == [StreamKey("gate", Role.MAIN), StreamKey("gate", Role.SUB)]
    assert camera.analysed == StreamKey("gate", Role.SUB)
    assert camera.zone[0].response is Response.CALL
    assert config.siren is None
    assert config.restream.rtsp_port == 8554
    assert config.storage.recordings == (tmp_path / "recordings",)
    assert config.storage.state == Path("/var/lib/nvr")


def test_days_of_a_camera_come_before_those_of_all(load_text):
    text = STORAGE + "max_days = 30\n" + CAMERA + "keep_days_min = 20\n"
    other = CAMERA.replace("gate", "yard").replace("Cổng", "Sân") + "keep_days_max = 60\n"
    keep = Keep.configured(load_text(text + other))
    assert (keep.of("gate"), keep.of("yard")) == (Days(20, 30), Days(0, 60))
    assert keep.of("removed") == Days(0, 30)


def test_days_of_a_class_are_the_cameras_then_those_of_all_then_of_the_class_below(load_text):
    text = STORAGE + "max_days = 7\nmotion_days_max = 30\nperson_days_max = 90\nperson_days_min = 5\n"
    other = CAMERA.replace("gate", "yard").replace("Cổng", "Sân")
    other += "motion_days_max = 8\nmotion_days_min = 2\nmax_gb = 1.5\n"
    keep = Keep.configured(load_text(text + CAMERA + "keep_days_min = 4\n" + other))
    assert [keep.of("gate", kind) for kind in FootageClass] == [Days(4, 7), Days(4, 30), Days(5, 90)]
    assert [keep.of("yard", kind) for kind in FootageClass] == [Days(0, 7), Days(2, 8), Days(5, 90)]
    assert [keep.of("removed", kind) for kind in FootageClass] == [Days(0, 7), Days(0, 30), Days(5, 90)]
    assert keep.max_bytes == {"yard": 1_500_000_000}


SIREN = '[siren]\nport = "tty"\n'
MODBUS = SIREN + 'board = "modbus"\n'
PLACES = """
[[camera.zone]]
name = "sân"
rule = "loiter"
seconds = 45
hours = ["22:00-05:00", "12:00 - 24:00"]
[[camera.line]]
name = "cổng"
from = [0.1, 0.5]
to = [0.9, 0.5]
direction = "left"
objects = ["person", "motorcycle"]
[[camera.mask]]
polygon = [[0, 0], [1, 0], [1, 0.2]]
"""


def test_zones_lines_and_masks(load_text):
    (camera,) = load_text(STORAGE + CAMERA + PLACES).camera
    zone, line = camera.places
    assert (zone.loiter_s, [str(hours) for hours in zone.hours]) == (45, ["22:00-05:00", "12:00-00:00"])
    assert (line.start, line.end, line.direction) == ((0.1, 0.5), (0.9, 0.5), "left")
    assert len(camera.mask) == 1
    assert [rule for rule in Rule if zone.allows(rule)] == [Rule.LOITER]
    assert [rule for rule in Rule if line.allows(rule)] == [Rule.CROSS_LEFT]


def test_who_draws_a_line_does_not_mean_the_whole_picture(load_text):
    only_line = PLACES[PLACES.index("[[camera.line]]") :]
    (camera,) = load_text(STORAGE + CAMERA + only_line).camera
    assert [place.name for place in camera.places] == ["cổng"]


def test_a_weekly_schedule(load_text):
    text = """
[site]
latitude = 19.807
longitude = 105.776
[schedule]
holidays = ["01-01", 2027-02-06]
[[schedule.change]]
days = ["fri", "mon", "fri"]
at = "sunset-00:30"
set = "night"
[[schedule.change]]
at = 05:00:00
set = "off"
"""
    config = load_text(STORAGE + text)
    assert config.site.coordinates == (19.807, 105.776)
    assert config.schedule.holidays == ("01-01", "2027-02-06")
    told = [str(change) for change in config.schedule.changes]
    assert told == ["mon fri sunset-00:30 night", "every day 05:00 off"]
    assert [change.mode for change in config.schedule.changes] == [Mode.NIGHT, None]
    assert config.schedule.has_idle_holidays is False
    idle = text.replace("[[schedule.change]]\nat", '[[schedule.change]]\ndays = ["sat"]\nat')
    assert load_text(STORAGE + idle).schedule.has_idle_holidays


CHANGE = '[[schedule.change]]\nat = "22:00"\nset = "night"\n'
SPEAKER = "[speaker]\ndevice = "
DEVICES = ["default", "horn", "plughw:CARD=Device,DEV=0", "hw:1,0", "sysdefault:CARD=PCH", "dmix:Device"]


@pytest.mark.parametrize("device", DEVICES)
def test_audio_outputs(load_text, tmp_path, device):
    config = load_text(STORAGE + f'{SPEAKER}"{device}"\nmessage = "m.wav"\n')
    assert config.speaker.device == device
    assert config.speaker.message == tmp_path / "m.wav"


@pytest.mark.parametrize(
    "device",
    [
        "",
        "-Dhw",
        "--dump",
        "default\\n",
        "file:'|touch x',raw",
        "file:/etc/passwd,raw",
        "tee:default,'|touch x',raw",
        "plug:file:x",
        "plug:{SLAVE=hw}",
        "hw:0;ls",
        "hw:CARD=a b",
        "hw:" + "x" * 40,
        "loa ngoài",
    ],
)
def test_what_is_no_audio_output(load_text, device):
    """ALSA has devices that run a command, or write to any file."""
    with pytest.raises(ConfigError) as caught:
        load_text(STORAGE + f'{SPEAKER}"{device}"\n')
    assert caught.value.key == "speaker device"
    assert "plughw:CARD=Device,DEV=0" in str(caught.value)


LINE = '[[camera.line]]\nname = "gate"\nfrom = [0, 0]\n'
ZONE = '[[camera.zone]]\nname = "y"\n'
SIREN_ZONE = '[[camera.zone]]\nname = "yard"\nresponse = "siren"\n'
DECIDED = SIREN_ZONE + 'decided_by = "A"\n'
CALL_ZONE = SIREN_ZONE.replace("siren", "call")


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ("", "storage", "missing"),
        (STORAGE + "max_days = 0\n", "storage max_days", "too small"),
        (STORAGE + CAMERA + "keep_days_min = -1\n", 'camera "gate" keep_days_min', "too small"),
        (STORAGE + "max_days = 3\n" + CAMERA + "keep_days_min = 4\n", "", 'camera "gate": keep_days_min 4'),
        (STORAGE + CAMERA + "keep_days_min = 4\nkeep_days_max = 3\n", "", "maximum of 3 days"),
        (
            STORAGE + "max_days = 9\nmotion_days_max = 3\n" + CAMERA,
            "",
            "motion_days_max 3 is shorter than max_days 9",
        ),
        (
            STORAGE + "person_days_max = 3\n" + CAMERA,
            "",
            "person_days_max 3 is shorter than without any maximum",
        ),
        (
            STORAGE + "motion_days_min = 3\nperson_days_min = 2\n" + CAMERA,
            "",
            "shorter than motion_days_min 3",
        ),
        (
            STORAGE + "max_days = 3\n" + CAMERA + "person_days_min = 4\n",
            "",
            "person_days_min 4 is more than its",
        ),
        (STORAGE + CAMERA + 'onvif = "192.168.1.64"\n', 'camera "gate" onvif', "not a service's address"),
        (STORAGE + CAMERA + 'onvif = "http://a:b@c/d"\n', 'camera "gate" onvif', "`username` and `password`"),
        (STORAGE + CAMERA + 'onvif = "http://c:x/d"\n', 'camera "gate" onvif', "Port"),
        (STORAGE + CAMERA + "max_gb = 0\n", 'camera "gate" max_gb', "too small"),
        (
            STORAGE + "max_days = 7\nmotion_days_max = 30\n" + CAMERA + "keep_days_max = 60\n",
            "",
            'camera "gate": motion_days_max 30 is shorter than keep_days_max 60',
        ),
        (STORAGE + "[web]\nport = 1\n", "web port", "unknown key"),
        (STORAGE + "[web]\nhttps_port = 99999\n", "web https_port", "65535"),
        (STORAGE + "[web]\nhttps_port = 'x'\n", "web https_port", "integer"),
        (STORAGE + '[site]\ntimezone = "Hanoi"\n', "site timezone", "Asia/Ho_Chi_Minh"),
        (STORAGE + '[site]\nlanguage = "fr"\n', "site language", "'vi' or 'en'"),
        (STORAGE + '[schedule]\narm = "22:00"\ndisarm = "25:00"\n', "schedule disarm", "time of day"),
        (STORAGE + '[schedule]\narm = "22:00"\ndisarm = "22:00"\n', "schedule", "same time"),
        (STORAGE + '[schedule]\narm = "22:00"\n', "schedule", "`arm` and `disarm` go together"),
        (STORAGE + '[schedule]\narm = "22:00"\ndisarm = "05:00"\n' + CHANGE, "schedule", "stand alone"),
        (STORAGE + CHANGE.replace("22:00", "25:00"), "schedule change number 1 at", '(here: "25:00")'),
        (STORAGE + CHANGE.replace("22:00", "sunset-07:00"), "schedule change number 1 at", "6 hours at most"),
        (
            STORAGE + CHANGE.replace("night", "sleep"),
            "schedule change number 1 set",
            "'home', 'night', 'away'",
        ),
        (STORAGE + CHANGE + 'days = ["monday"]\n', "change number 1 days number 1", "'mon'"),
        (STORAGE + CHANGE + "days = []\n", "change number 1 days", "at least 1"),
        (STORAGE + 65 * CHANGE, "schedule change", "at most 64"),
        (
            STORAGE + CHANGE + 'days = ["mon", "holiday"]\n' + CHANGE.replace("22:00", "22:00:00"),
            "schedule",
            'number 2 and number 1 are both on "mon" at 22:00',
        ),
        (STORAGE + '[schedule]\nholidays = ["02-30"]\n', "schedule holidays number 1", "no such date"),
        (STORAGE + '[schedule]\nholidays = ["2027-2-6"]\n', "schedule holidays number 1", "2027-02-06"),
        (
            STORAGE + '[schedule]\nholidays = ["01-01", "01-01"]\n',
            "schedule holidays",
            '"01-01" is there twice',
        ),
        (
            STORAGE + CHANGE.replace("22:00", "sunset"),
            "",
            'change number 1 is at "sunset", which needs to know where the site is; add `latitude`',
        ),
        (STORAGE + "[site]\nlatitude = 19.8\n", "site", "`latitude` and `longitude` go together"),
        (STORAGE + "[site]\nlatitude = 91\nlongitude = 0\n", "site latitude", "at most 90"),
        (STORAGE + "[site]\nlatitude = nan\nlongitude = 0\n", "site latitude", "at most 90"),
        (STORAGE + CAMERA + CAMERA, "camera", 'two cameras have the id "gate"'),
        (STORAGE + CAMERA + CAMERA.replace('"gate"', '"g2"'), "camera", 'have the name "Cổng làng"'),
        (STORAGE + CAMERA.replace("rtsp:", "udp:"), 'camera "gate" main', "not a stream's address"),
        (
            STORAGE + CAMERA + 'sub = "v4l2:/dev/video0"\naudio = true\n',
            'camera "gate"',
            "rtsp:// addresses only",
        ),
        (STORAGE + CAMERA.replace("//", "//u:p@"), 'camera "gate" main', "`username` and `password`"),
        (STORAGE + CAMERA.replace('"gate"', '"../x"'), 'camera "../x" id', "small letters"),
        (STORAGE + CAMERA + SIREN_ZONE, 'camera "gate" zone "yard"', "decided_by"),
        (STORAGE + SIREN + CAMERA + DECIDED + "confirm = { cameras = 2 }\n", "the file", "wants two cameras"),
        (STORAGE + CAMERA + DECIDED + "entry_seconds = 121\n", "entry_seconds", "at most 120"),
        (STORAGE + CAMERA + DECIDED + "confirm = { sightings = 6 }\n", "sightings", "at most 5"),
        (STORAGE + CAMERA + DECIDED + "confirm = { cameras = 3 }\n", "cameras", "1 or 2"),
        (STORAGE + CAMERA + DECIDED + 'modes = ["party"]\n', "modes", "home"),
        (STORAGE + CAMERA + DECIDED + "modes = []\n", "modes", "at least 1"),
        (
            STORAGE + CAMERA + CALL_ZONE + "entry_seconds = 9\n",
            'zone "yard"',
            "`entry_seconds` is for response",
        ),
        (STORAGE + CAMERA + CALL_ZONE + "confirm = {}\n", 'zone "yard"', "`confirm` is for response"),
        (STORAGE + "[alarm]\nexit_seconds = 301\n", "alarm exit_seconds", "at most 300"),
        (STORAGE + '[alarm]\ninstead = "siren"\n', "alarm instead", "'call' or 'warn'"),
        (STORAGE + CAMERA + SIREN_ZONE + 'decided_by = "A"\n', "the file as a whole", "no [siren] section"),
        (STORAGE + CAMERA + '[[camera.zone]]\nname = "y"\nobjects = ["man"]\n', "objects", "person"),
        (
            STORAGE + CAMERA + '[[camera.zone]]\nname = "y"\npolygon = [[0, 0], [1, 1]]\n',
            "polygon",
            "at least 3",
        ),
        (
            STORAGE + CAMERA + '[[camera.zone]]\nname = "y"\npolygon = [[0, 0], [1, 1], [2, 0]]\n',
            "polygon",
            "1",
        ),
        (STORAGE + SIREN + "address = 2\n", "siren", 'address: only for board = "modbus"'),
        (STORAGE + SIREN + "channel = 9\n", "siren", "an LCUS board has 8 at most"),
        (STORAGE + SIREN + "timed = true\n", "siren", "an LCUS board latches"),
        (STORAGE + SIREN + "[siren.inputs]\npanic = 1\n", "siren", "inputs: only for board"),
        (STORAGE + SIREN.replace("tty", "usb:1a86"), "siren port", "must be usb:VVVV:PPPP"),
        (STORAGE + SIREN.replace("tty", ""), "siren port", "must be a serial device"),
        (STORAGE + MODBUS + "address = 248\n", "siren address", "247"),
        (STORAGE + MODBUS + "baud = 4800\n", "siren baud", "9600"),
        (STORAGE + MODBUS + "[siren.inputs]\npanic = 1\ndoor = 1\n", "siren inputs", "same number"),
        (STORAGE + MODBUS + "[siren.inputs]\nbell = 1\n", "siren inputs bell", "unknown key"),
        (STORAGE + MODBUS + '[siren.inputs]\nnormally_closed = ["door"]\n', "siren inputs", "has no number"),
        (STORAGE + "[speaker]\nrepeat = 0\n", "speaker repeat", "too small"),
        (STORAGE + "[speaker]\nrepeat = 11\n", "speaker repeat", "too large"),
        (STORAGE + "[speaker]\npause_seconds = 31\n", "speaker pause_seconds", "too large"),
        (STORAGE + "[speaker]\nvolume = 3\n", "speaker volume", "unknown key"),
        (STORAGE + CAMERA + LINE + "to = [0.01, 0]\n", 'camera "gate" line "gate"', "the same place"),
        (STORAGE + CAMERA + LINE + "to = [1.2, 0]\n", 'line "gate" to', "too large"),
        (
            STORAGE + CAMERA + LINE + 'to = [1, 0]\ndirection = "in"\n',
            "direction",
            "'both', 'left' or 'right'",
        ),
        (STORAGE + CAMERA + LINE + "to = [1, 0]\nend = [1, 0]\n", 'line "gate" end', "unknown key"),
        (STORAGE + CAMERA + LINE + 'to = [1, 0]\nresponse = "siren"\n', 'line "gate"', "decided_by"),
        (
            STORAGE + CAMERA + ZONE + LINE.replace('"gate"', '"y"') + "to = [1, 0]\n",
            'camera "gate"',
            'two zones or lines are named "y"',
        ),
        (STORAGE + CAMERA + ZONE + 'hours = ["22-5"]\n', 'zone "y" hours', '"22:00-05:00" (here: "22-5")'),
        (STORAGE + CAMERA + ZONE + 'hours = ["22:00-22:00"]\n', 'zone "y" hours', "leave `hours` out"),
        (STORAGE + CAMERA + ZONE + "seconds = 20\n", 'zone "y"', 'rule = "loiter"'),
        (STORAGE + CAMERA + ZONE + 'rule = "loiter"\nseconds = 0\n', 'zone "y" seconds', "too small"),
        (STORAGE + CAMERA + ZONE + 'rule = "leave"\n', 'zone "y" rule', "'enter' or 'loiter'"),
        (STORAGE + CAMERA + "[[camera.mask]]\npolygon = [[0, 0]]\n", "mask number 1 polygon", "at least 3"),
        ("[storage", "", "not TOML"),
    ],
)
def test_mistakes_are_named(load_text, text, key, words):
    with pytest.raises(ConfigError) as caught:
        load_text(text)
    assert key in caught.value.key
    assert words in str(caught.value)
    assert "nvr.toml" in str(caught.value)
    assert caught.value.exit_code == 78


def test_missing_file_and_broken_encoding(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "nvr.toml")
    (tmp_path / "nvr.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(tmp_path / "nvr.toml")


def test_passwords_stay_out_of_reprs_and_errors(load_text):
    config = load_text(STORAGE + CAMERA + 'username = "admin"\npassword = "hunter2"\n')
    assert "hunter2" not in repr(config)
    assert "hunter2" not in config.model_dump_json()
    with pytest.raises(ConfigError) as caught:
        load_text(STORAGE + CAMERA + 'password = ["hunter2"]\n')
    assert "hunter2" not in str(caught.value)


@given(st.binary(max_size=300))
def test_any_file_gives_a_configuration_or_one_clear_error(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("any") / "nvr.toml"
    file.write_bytes(STORAGE.encode() + content)
    try:
        load(file)
    except ConfigError as error:
        assert str(file) in str(error)


def test_a_port_is_a_path_beside_the_file_or_an_identity(load_text, tmp_path):
    assert load_text(STORAGE + SIREN).siren.port == str(tmp_path / "tty")
    assert load_text(STORAGE + SIREN.replace("tty", "usb:1a86:7523:A1")).siren.port == "usb:1a86:7523:A1"


@pytest.mark.parametrize(
    ("text", "by_itself", "fail_safe"),
    [
        (SIREN, False, False),
        (SIREN + "timer_relay = true\n", False, True),
        (MODBUS, True, True),
        (MODBUS + "timed = false\n", False, False),
        (MODBUS + "timed = false\ntimer_relay = true\n", False, True),
    ],
)
def test_what_ends_the_siren_if_nothing_else_can(load_text, text, by_itself, fail_safe):
    siren = load_text(STORAGE + text).siren
    assert (siren.ends_by_itself, siren.is_fail_safe) == (by_itself, fail_safe)


def test_what_a_siren_zone_asks_for_before_it_sounds(load_text):
    zone = DECIDED + "entry_seconds = 20\nconfirm = { sightings = 2 }\n"
    config = load_text(STORAGE + SIREN + '[alarm]\ninstead = "warn"\n' + CAMERA + zone)
    (yard,) = config.camera[0].zone
    assert (yard.entry_seconds, yard.confirm.sightings, yard.confirm.cameras) == (20, 2, 1)
    assert [mode for mode in Mode if yard.acts_in(mode)] == [Mode.NIGHT, Mode.AWAY]
    assert (config.alarm.exit_seconds, config.alarm.instead) == (30, "warn")
