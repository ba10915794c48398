"""[[notify]] in nvr.toml: what is wrong is named with place, key and remedy, and no secret is repeated."""

import pytest

from nvr.config import load
from nvr.errors import ConfigError
from nvr.events import Response

BASE = '[storage]\nrecordings = "r"\nstate = "s"\n'
HOOK = 'name = "xa"\nkind = "webhook"\nurl = "https://example.org/x"\nsecret = "0123456789abcdef"\n'
MQTT = 'name = "nha"\nkind = "mqtt"\nhost = "192.168.1.5"\ntopic = "nvr/dong"\n'
PUSH = 'name = "may"\nkind = "push"\ncontact = "mailto:a@example.org"\n'


def read(tmp_path, *sections):
    file = tmp_path / "nvr.toml"
    file.write_text(BASE + "".join(f"[[notify]]\n{section}" for section in sections))
    return load(file)


def test_what_stands_there_by_default(tmp_path):
    hook, mqtt, push = read(tmp_path, HOOK, MQTT + 'tls = true\ntls_ca = "ca.pem"\n', PUSH).notify
    assert hook.responses == (Response.CALL, Response.WARN, Response.SIREN)
    assert hook.after_seconds == 0
    assert "0123456789abcdef" not in repr(hook)
    assert mqtt.used_port == 8883
    assert mqtt.tls_ca == tmp_path / "ca.pem"
    assert "fcm.googleapis.com" in push.services


@pytest.mark.parametrize(
    ("section", "key", "words"),
    [
        (HOOK.replace("https", "http"), 'notify "xa" webhook url', "private IP address"),
        (HOOK.replace("https://", "https://user:geheim@"), "url", "signed"),
        (HOOK.replace("https://example.org/x", "geheim"), "url", "for example"),
        (HOOK.replace("0123456789abcdef", "geheim"), "secret", "openssl rand"),
        (HOOK + 'command = "rm"\n', "command", "unknown key"),
        (HOOK + 'responses = ["record"]\n', "responses", "told to nobody"),
        (HOOK + "after_seconds = -1\n", "after_seconds", "too small"),
        (HOOK.replace("webhook", "fax"), 'notify "xa"', "no known `kind`"),
        (MQTT + 'host = "x"\n', "", "not TOML"),
        (MQTT.replace("nvr/dong", "nvr/#"), "topic", "no topic"),
        (
            MQTT.replace("192.168.1.5", "b.org") + 'username = "a"\npassword = "geheim"\n',
            "mqtt",
            "in the clear",
        ),
        (MQTT + 'tls_ca = "x"\n', "mqtt", "tls = true"),
        (PUSH.replace("mailto:", ""), "contact", "mailto:"),
        ('name = "a"\n', 'notify "a"', "kind"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, section, key, words):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, section)
    assert key in caught.value.key
    assert words in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_names_are_there_once(tmp_path):
    with pytest.raises(ConfigError, match='named "xa"'):
        read(tmp_path, HOOK, HOOK)


@pytest.mark.parametrize("host", ["192.168.1.5", "10.0.0.1", "127.0.0.1", "localhost", "[fd00::1]"])
def test_a_webhook_within_the_site_may_be_plain(tmp_path, host):
    assert read(tmp_path, HOOK.replace("https://example.org", f"http://{host}:8123"))
