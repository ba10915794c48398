"""QR codes as pictures."""

from __future__ import annotations

import io


def qr_svg(text: str) -> str:
    """`text` as an SVG of its own size, dark on white whatever is around it, with the quiet zone that readers need.
    Raises ValueError: more than a QR code holds (2,953 bytes)."""
    # Imported when it is needed, which is seldom: memory is scarcer.
    import segno

    picture = io.BytesIO()
    segno.make_qr(text, error="l").save(
        picture, kind="svg", xmldecl=False, omitsize=True, border=4, dark="#000", light="#fff"
    )
    return picture.getvalue().decode().strip()
