"""The page in Chromium, against the real service: what is shown to the model, what is said of its answer, by whom."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
SEVEN = [(0.2, 0.25), (0.5, 0.25), (0.35, 0.6)]
MODELS = ("grey", "images", "rows", "texts")


def choose(page, name):
    page.select_option("#model", name)
    page.wait_for_function("name => document.querySelector('#took').textContent.startsWith(name)", arg=name)


def opened(visit, url, name, **options):
    """The page with a model chosen that has answered, where it does so by itself."""
    page = visit(url, **options)
    page.wait_for_selector("#summary:has-text('Waiting for')")
    if name in ("images", "rows"):
        choose(page, name)
    elif name == "texts":
        page.select_option("#model", name)
        page.wait_for_selector("#text:visible")
    return page


def stroke(page, points):
    box = page.locator("#square").bounding_box()
    place = lambda point: (box["x"] + point[0] * box["width"], box["y"] + point[1] * box["height"])
    page.mouse.move(*place(points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*place(point), steps=5)
    page.mouse.up()


def seen(page):
    """The pixels in which the page shows what the model sees, (height, width, 3)."""
    width, height, data = page.evaluate(
        """() => {
          const { width, height } = document.querySelector("#seen");
          const context = new OffscreenCanvas(width, height).getContext("2d");
          context.drawImage(document.querySelector("#seen"), 0, 0);
          return [width, height, [...context.getImageData(0, 0, width, height).data]];
        }"""
    )
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


def shown_summary(prediction):
    """How the page puts a prediction."""
    share = prediction.probabilities[prediction.label]
    return f"{prediction.label}, {100 * share:.1f} %"


def wait_for_summary(page, text):
    page.wait_for_function("text => document.querySelector('#summary').textContent === text", arg=text)


def until(page, holds, seconds=10):
    """Waits until something holds; if it never does, fails."""
    for _ in range(20 * seconds):
        if holds():
            return
        page.wait_for_timeout(50)
    assert holds()


def agrees(page, predictor):
    """Waits until the page says what the predictor says of the very pixels that the page shows; returns that."""
    found = lambda: predictor.predict([seen(page)[..., : predictor.manifest.preprocessing["shape"][2]]])[0]
    until(page, lambda: page.inner_text("#summary") == shown_summary(found()))
    return found()


def bars(page):
    return [re.split(r"\n+", text) for text in page.locator("#bars li").all_inner_texts()]


def upload(page, file, name="photo.jpg", kind="image/jpeg"):
    page.set_input_files("#file", {"name": name, "mimeType": kind, "buffer": file})


def as_file(image, form="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, **options)
    return file.getvalue()


# ---- Drawing ----


def test_a_drawing_is_answered_with_what_the_model_says_of_the_pixels_shown(visit, url, predictor):
    page = opened(visit, url, "grey")
    stroke(page, SEVEN)
    expected = agrees(page, predictor("grey"))
    assert seen(page).max() > 200
    assert [label for label, _ in bars(page)] == list("0123456789")
    shares = {label: float(share.strip("<>% ")) for label, share in bars(page)}
    assert shares == pytest.approx({k: 100 * v for k, v in expected.probabilities.items()}, abs=0.11)
    assert re.fullmatch(r"grey, version 1, answered in \d+ ms", page.inner_text("#took"))


@pytest.mark.parametrize("points", [SEVEN, [(0.6, 0.6), (0.62, 0.75)], [(0.02, 0.5), (0.98, 0.52)]])
def test_a_drawing_fills_20_of_28_and_its_mass_is_in_the_middle(visit, url, points):
    page = opened(visit, url, "grey")
    stroke(page, points)
    until(page, lambda: _is_centred(seen(page)))
    image = seen(page)
    assert (image[..., 0] == image[..., 1]).all() and image[0, 0, 0] == 0 and image.max() > 200


def _is_centred(image):
    ink = image[..., 0] / 255
    if not ink.any():
        return False
    # A pixel at the rim counts by the share of it that is covered.
    longest = max(ink.max(axis=1).sum(), ink.max(axis=0).sum())
    places = np.arange(28) + 0.5
    middle = [ink.sum(axis=axis) @ places / ink.sum() for axis in (0, 1)]
    return longest == pytest.approx(20, abs=1.2) and middle == pytest.approx([14, 14], abs=0.2)


def test_a_dot_is_drawn_and_undo_and_clear_take_back(visit, url):
    page = opened(visit, url, "grey")
    box = page.locator("#square").bounding_box()
    page.mouse.click(box["x"] + 40, box["y"] + 40)
    page.wait_for_selector("#bars li")
    dot = seen(page)
    assert dot[13:15, 13:15].min() > 200 and dot[:10].max() == 0
    stroke(page, SEVEN)
    until(page, lambda: (seen(page) != dot).any())
    page.click("#undo")
    until(page, lambda: (seen(page) == dot).all())
    stroke(page, SEVEN)
    page.click("#clear")
    page.wait_for_selector("#summary:has-text('Waiting for')")
    assert seen(page).max() == 0 and bars(page) == []


def test_it_answers_while_one_draws(visit, url):
    page = opened(visit, url, "grey")
    box = page.locator("#square").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    # The pen is never up and never rests: from within the page, for no test can be relied on to be so quick.
    drawn = """async () => {
      const square = document.querySelector("#square");
      const { x, y } = square.getBoundingClientRect();
      for (let step = 0; step < 500 && !document.querySelector("#bars li"); step++) {
        const place = { clientX: x + 50 + step / 4, clientY: y + 60, isPrimary: true, bubbles: true };
        square.dispatchEvent(new PointerEvent("pointermove", place));
        await new Promise((done) => setTimeout(done, 10));
      }
    }"""
    page.evaluate(drawn)
    assert len(bars(page)) == 10
    page.mouse.up()


def test_a_finger_draws_and_does_not_scroll(visit, url):
    page = opened(visit, url, "grey", **PHONE)
    box = page.locator("#square").bounding_box()
    fingers = page.context.new_cdp_session(page)
    send = lambda kind, *points: fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})
    at = lambda x, y: {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
    send("touchStart", at(0.5, 0.9))
    for step in range(1, 9):
        send("touchMove", at(0.5, 0.9 - step / 10))
    send("touchEnd")
    upright = lambda ink: ink[6:22, 13:15].min() > 200 and ink[:, :8].max() == 0  # as it was drawn
    until(page, lambda: upright(seen(page)[..., 0]))
    assert page.evaluate("scrollY") == 0


# ---- Keyboard and focus ----


def test_from_load_to_answer_by_keyboard_alone(visit, url, predictor):
    page = opened(visit, url, "grey")
    _tab_to(page, "#square")
    page.keyboard.press("Space")
    for key in ("ArrowDown",) * 6 + ("ArrowRight",) * 5 + ("ArrowUp",) * 2:
        page.keyboard.press(key)
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowLeft")  # the pen is up
    # 6 steps high and 5 wide: fits what was drawn with the pen down, and nothing else.
    extent = lambda axis: sum(seen(page)[..., 0].max(axis=axis) > 128)
    until(page, lambda: (extent(1), extent(0)) in [(20, 17), (20, 18), (19, 17), (21, 18)])
    agrees(page, predictor("grey"))
    _tab_to(page, "#undo")
    page.keyboard.press("Enter")
    page.wait_for_selector("#summary:has-text('Waiting for')")

    for _ in range(2):
        page.keyboard.press("Shift+Tab")  # by the square to the switch
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#bars li")
    _tab_to(page, "#samples input")
    page.keyboard.press("ArrowRight")
    (expected,) = predictor("grey").predict([_samples(exports_of(predictor, "grey"))[1]])
    wait_for_summary(page, shown_summary(expected))

    page.focus("#model")
    page.keyboard.type("t")
    page.wait_for_selector("#text:visible")
    _tab_to(page, "#text")
    page.keyboard.type("the dress was torn")
    (expected,) = predictor("texts").predict(["the dress was torn"])
    wait_for_summary(page, shown_summary(expected))


def _tab_to(page, selector, most=8):
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def exports_of(predictor, name):
    return predictor(name).manifest.folder


def _samples(folder):
    with np.load(folder / "samples.npz") as file:
        return file[next(name for name in file.files if name.endswith(":input"))]


@pytest.mark.parametrize("name", MODELS)
def test_focus_is_visible_everywhere(visit, url, name):
    page = opened(visit, url, name)
    page.focus("#model")
    stops = 0
    while page.evaluate("document.activeElement !== document.body") and stops < 40:
        outline = page.evaluate(
            """() => {
              const here = document.activeElement;
              const shown = getComputedStyle(here).opacity === "0" ? here.nextElementSibling : here;
              const { outlineStyle, outlineWidth } = getComputedStyle(shown);
              return outlineStyle === "none" ? 0 : parseFloat(outlineWidth);
            }"""
        )
        assert outline >= 2, page.evaluate("document.activeElement.outerHTML")
        stops += 1
        page.keyboard.press("Tab")
    assert 2 <= stops < 40


# ---- Images ----


def _quadrants():
    """400 wide, 600 high: red and green above, blue and white below."""
    image = np.zeros((600, 400, 3), np.uint8)
    image[:300, :200, 0] = image[:300, 200:, 1] = image[300:, :200, 2] = 255
    image[300:, 200:] = 255
    return image


def test_a_photograph_that_lies_on_its_side_is_turned_upright(visit, url, predictor):
    """A camera stores 600 × 400 and notes in EXIF which side is up."""
    page = opened(visit, url, "images")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise by a quarter
    upload(page, as_file(np.rot90(_quadrants()), "JPEG", exif=exif, quality=95))
    left, right = slice(0, 7), slice(9, 16)
    red, green, blue, white = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
    corners = [((left, left), red), ((left, right), green), ((right, left), blue), ((right, right), white)]
    near = lambda image, colour: abs(image.astype(int) - colour).max() < 40
    until(page, lambda: all(near(seen(page)[place], colour) for place, colour in corners))
    image = seen(page)
    assert image.shape == (16, 16, 3)
    (expected,) = predictor("images").predict([image])
    wait_for_summary(page, f"new {shown_summary(expected)}")  # version 2 is the newest


def test_shrinking_takes_the_mean_of_all_pixels(visit, url):
    page = opened(visit, url, "images")
    board = np.indices((500, 700)).sum(axis=0) % 2 * 255
    upload(page, as_file(np.stack([board] * 3, axis=2).astype(np.uint8)), "board.png", "image/png")
    until(page, lambda: abs(seen(page).astype(int) - 127).max() < 12)


def test_the_middle_is_cut_out_of_a_picture_that_is_small_and_partly_transparent(visit, url):
    page = opened(visit, url, "images")
    image = np.zeros((8, 24, 4), np.uint8)  # all transparent
    image[:, 8:16] = (10, 200, 30, 255)
    upload(page, as_file(image), "small.png", "image/png")
    until(page, lambda: abs(seen(page)[:, 1:-1].astype(int) - (10, 200, 30)).max() <= 2)
    upload(page, as_file(np.zeros((8, 8, 4), np.uint8)), "nothing.png", "image/png")
    until(page, lambda: seen(page).min() == 255)


def test_a_grey_model_sees_brightness_and_can_have_it_swapped(visit, url, predictor):
    page = opened(visit, url, "grey")
    image = np.full((56, 56, 3), (255, 255, 255), np.uint8)
    image[14:42, 14:42] = (200, 0, 0)
    upload(page, as_file(image), "ink.png", "image/png")
    page.wait_for_selector("#bars li")
    bright = seen(page)[..., :1]
    assert bright[0, 0, 0] == 255 and bright[14, 14, 0] == 60  # 0.299 × 200
    (expected,) = predictor("grey").predict([bright])
    assert page.inner_text("#summary") == shown_summary(expected)
    page.check("#swap")
    (expected,) = predictor("grey").predict([255 - bright])
    wait_for_summary(page, shown_summary(expected))
    assert (seen(page)[..., :1] == 255 - bright).all()


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_picture_can_be_dropped_or_pasted(visit, url, how):
    page = opened(visit, url, "images")
    taken = page.evaluate(
        """([how, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.from(bytes)], "dropped.png", { type: "image/png" }));
          const options = { bubbles: true, cancelable: true };
          return !document.body.dispatchEvent(how === "drop"
            ? new DragEvent("drop", { ...options, dataTransfer: data })
            : new ClipboardEvent("paste", { ...options, clipboardData: data }));
        }""",
        [how, list(as_file(np.full((40, 40, 3), (0, 90, 180), np.uint8)))],
    )
    until(page, lambda: (seen(page) == (0, 90, 180)).all())
    assert page.is_checked("[value=picture]")
    assert taken or how == "paste"  # or the browser would leave the page and show what was dropped


def test_a_file_that_is_no_picture_is_said(visit, url):
    page = opened(visit, url, "images")
    upload(page, b"not at all", "notes.png", "image/png")
    page.wait_for_selector("#trouble:has-text('notes.png is no picture that this browser can read')")
    assert bars(page) == []


def test_a_sample_is_picked_and_reaches_the_model_unchanged(visit, url, exports, predictor):
    page = opened(visit, url, "images")
    stored = _samples(exports["images"] / "1")
    assert page.locator("#samples input").count() == 12  # the probes that lie there too are not shown
    for number in (0, 5):
        page.locator("#samples input").nth(number).check()
        (expected,) = predictor("images").predict([stored[number]])
        wait_for_summary(page, f"new {shown_summary(expected)}")
        assert (seen(page) == stored[number]).all()


# ---- Texts and rows ----


def test_typing_fast_asks_seldom_and_ends_with_the_answer_to_the_whole(visit, url, predictor):
    page = opened(visit, url, "texts")
    asked = []
    page.on("request", lambda request: asked.append(request.post_data_json) if "predict" in request.url else None)
    text = "the dress came too late and I sent it back with a note"
    page.locator("#text").press_sequentially(text, delay=15)
    (expected,) = predictor("texts").predict([text])
    wait_for_summary(page, shown_summary(expected))
    assert asked[-1] == {"text": text} and len(asked) < len(text) / 2
    page.fill("#text", "")
    page.wait_for_selector("#summary:has-text('Waiting for a text')")
    assert bars(page) == []


def test_an_older_answer_that_comes_late_is_not_shown(visit, url, predictor):
    older, newer = "I sent it back with a note", "the dress"
    one, other = (shown_summary(found) for found in predictor("texts").predict([older, newer]))
    assert one != other
    page = opened(visit, url, "texts")
    page.evaluate(
        """() => {
          const real = fetch;
          fetch = async (path, { signal, ...options }) => {  // the first, deaf to being stopped, answers last
            fetch = real;
            const answer = await real(path, options);
            await new Promise((done) => setTimeout(done, 1500));
            window.late = signal.aborted;
            return answer;
          };
        }"""
    )
    page.fill("#text", older)
    page.wait_for_timeout(400)
    page.fill("#text", newer)
    wait_for_summary(page, other)
    page.wait_for_function("() => window.late !== undefined")
    page.wait_for_timeout(200)
    assert page.evaluate("window.late") is True
    assert page.inner_text("#summary") == other


def test_a_row_is_filled_in_from_a_sample_and_by_hand(visit, url, predictor):
    page = opened(visit, url, "rows")
    asked = []
    page.on("request", lambda request: asked.append(request.post_data_json) if "predict" in request.url else None)
    names = page.locator("#fields label").all_inner_texts()
    manifest = predictor("rows").manifest.preprocessing
    assert names == [*manifest["numbers"], *manifest["texts"]]
    page.select_option("#row", "3")
    page.get_by_label("price_eur", exact=True).fill("12.5")
    page.get_by_label("age", exact=True).fill("")
    page.get_by_label("category", exact=True).fill("")
    empty = {"price_eur": 12.5, "age": None, "category": None}
    until(page, lambda: asked and asked[-1]["row"].items() >= empty.items())
    row = asked[-1]["row"]
    assert isinstance(row["size"], str) and isinstance(row["quantity"], int)
    (expected,) = predictor("rows").predict([row])
    wait_for_summary(page, shown_summary(expected))
    # What a learner cannot guess is offered.
    offered = page.locator("#field-payment-known option").all()
    assert len(offered) >= 2


def test_samples_of_rows_keep_their_values(visit, url, exports):
    page = opened(visit, url, "rows")
    with np.load(exports["rows"] / "1" / "samples.npz") as file:
        prices = file[next(name for name in file.files if name.endswith(":price_eur"))]
    for number in (0, 4):
        page.select_option("#row", str(number))
        shown = page.get_by_label("price_eur", exact=True).input_value()
        assert shown == str(float(str(prices[number]))).removesuffix(".0")


# ---- Models, versions, what goes wrong ----


def test_models_are_switched_and_nothing_of_the_other_stays(visit, url):
    page = opened(visit, url, "grey")
    stroke(page, SEVEN)
    page.wait_for_selector("#bars li")
    assert page.locator("#model option").all_inner_texts() == list(MODELS)
    visible = lambda: [kind for kind in ("images", "texts", "rows", "plain") if page.is_visible(f"[data-kind={kind}]")]
    choose(page, "rows")
    assert visible() == ["rows"] and [label for label, _ in bars(page)] == ["kept", "returned"]
    assert not page.is_visible("text=As in MNIST")
    choose(page, "images")
    assert visible() == ["images"] and not page.is_visible("#square") and not page.is_visible("#way-draw")
    choose(page, "grey")  # the drawing is still there
    assert visible() == ["images"] and page.is_visible("#square") and page.is_visible("text=As in MNIST")


def test_the_model_chosen_last_stays_though_the_one_before_comes_late(visit, url):
    page = opened(visit, url, "grey")
    page.evaluate(
        """() => {
          const real = fetch;
          window.late = false;
          fetch = async (path, options) => {
            const answer = await real(path, options);
            if (!path.includes("rows/samples")) return answer;
            await new Promise((done) => setTimeout(done, 800));
            window.late = true;
            return answer;
          };
        }"""
    )
    page.select_option("#model", "rows")
    page.select_option("#model", "texts")
    page.wait_for_function("() => window.late")
    page.wait_for_timeout(200)
    assert page.is_visible("#text") and not page.is_visible("#rows")


def test_a_version_is_chosen(visit, url):
    page = opened(visit, url, "images")
    assert page.locator("#version option").all_inner_texts() == ["newest (2)", "2", "1"]
    assert "version 2" in page.inner_text("#took") and page.inner_text("#summary").startswith("new ")
    page.select_option("#version", "1")
    page.wait_for_selector("#took:has-text('version 1')")
    assert not page.inner_text("#summary").startswith("new ")
    assert {label for label, _ in bars(page)} == {"cat", "dog", "owl"}
    choose(page, "rows")
    assert not page.is_visible("#version")


def test_the_sentence_of_the_service_is_shown_and_goes_when_it_is_mended(visit, url):
    page = opened(visit, url, "texts")
    page.expected.append("status of 413")
    page.fill("#text", "late " * 50)
    page.wait_for_selector("#trouble:has-text('A text has at most 200 characters; got 250')")
    assert bars(page) == [] and page.inner_text("#summary") == "No answer"
    page.wait_for_selector("#said:has-text('at most 200 characters')", state="attached")
    page.fill("#text", "late")
    page.wait_for_selector("#bars li")
    assert not page.is_visible("#trouble")

    choose(page, "rows")
    page.expected.append("status of 400")
    page.get_by_label("price_eur", exact=True).fill("1e39")
    page.wait_for_selector("#trouble:has-text('Price_eur is a number that float32 can hold')")


def test_a_busy_service_is_asked_again(visit, url):
    page = opened(visit, url, "texts")
    page.expected.append("status of 503")
    busy = {"status": 503, "headers": {"Retry-After": "1"}, "json": {"error": "32 inputs wait already."}}
    page.route("**/predict?*", lambda route: route.fulfill(**busy), times=1)
    page.fill("#text", "late")
    page.wait_for_selector("#trouble:has-text('The service is busy. Trying again')")
    page.wait_for_selector("#bars li")
    assert not page.is_visible("#trouble")


def test_a_service_that_is_gone_is_said_and_found_again(visit, serve):
    service = serve("texts")
    page = visit(service.url)
    page.expected.append("ERR_CONNECTION_REFUSED")
    page.fill("#text", "late")
    page.wait_for_selector("#bars li")
    service.stop()
    page.fill("#text", "torn")
    page.wait_for_selector("#trouble:has-text('No connection to the service. Trying again')")
    assert bars(page) == []
    service.start()
    page.wait_for_selector("#bars li")
    assert not page.is_visible("#trouble")


def test_a_token_is_asked_for_and_let_in(visit, serve):
    service = serve("texts", token="quiet-otter")
    page = visit(service.url)
    page.expected.append("status of 401")
    assert "?token=" in page.inner_text("body")
    page.goto(f"{service.url}?token=quiet-otter")
    page.fill("#text", "late")
    page.wait_for_selector("#bars li")
    page.context.clear_cookies()
    page.fill("#text", "torn")
    page.wait_for_selector("#trouble:has-text('Open the address with ?token=')")


# ---- For everybody ----


def test_a_screen_reader_hears_the_answer_when_it_holds(visit, url, predictor):
    """Once after the last letter, and not at every letter."""
    page = opened(visit, url, "texts")
    page.evaluate(
        """() => {
          window.heard = [];
          const said = document.querySelector("#said");
          new MutationObserver(() => heard.push(said.textContent)).observe(said, { childList: true });
        }"""
    )
    text = "torn dress"
    page.locator("#text").press_sequentially(text, delay=250)  # slowly enough to see an answer to each letter
    (expected,) = predictor("texts").predict([text])
    page.wait_for_function("text => window.heard.includes(text)", arg=shown_summary(expected))
    assert len(page.evaluate("window.heard")) <= 3  # 1, if the machine does not stall
    assert page.get_attribute("#said", "role") == "status"


def test_the_squares_have_names_and_the_way_to_use_them_by_keyboard(visit, url):
    page = opened(visit, url, "grey")
    assert page.get_by_role("img", name="What the model sees").count() == 1
    square = page.get_by_role("application", name="Square to draw on")
    described = square.evaluate("e => document.getElementById(e.getAttribute('aria-describedby')).textContent")
    assert "arrow keys" in described and "space bar" in described


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", MODELS)
def test_axe_finds_nothing(visit, url, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(visit, url, name, color_scheme=scheme)
    _check(Axe(), page)
    if name == "texts":
        page.expected.append("status of 413")
        page.fill("#text", "late " * 50)
        page.wait_for_selector("#trouble:visible")
        _check(Axe(), page)
    if name == "grey":
        stroke(page, SEVEN)
        page.wait_for_selector("#bars li")
        for way in ("draw", "sample", "picture"):
            page.check(f"[value={way}]", force=True)
            _check(Axe(), page)


def _check(axe, page):
    page.wait_for_timeout(300)  # until nothing moves
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", MODELS)
def test_a_phone_shows_all_of_it(visit, url, name):
    page = opened(visit, url, name, **PHONE)
    for way in ("draw", "sample", "picture") if name == "grey" else (None,):
        if way:
            page.check(f"[value={way}]", force=True)
        page.wait_for_timeout(200)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
        for control in page.locator("button, select, textarea, input, #square").all():
            if not control.is_visible():
                continue
            control.scroll_into_view_if_needed()
            box = control.bounding_box()
            assert min(box["width"], box["height"]) >= 24, control.evaluate("e => e.outerHTML")
            assert box["x"] >= 0 and box["x"] + box["width"] <= 360, control.evaluate("e => e.outerHTML")
            control.tap(trial=True)  # nothing lies over it
    if name == "grey":
        assert page.is_visible("#photo")  # a phone has a camera


def test_a_desktop_is_offered_no_camera(visit, url):
    page = opened(visit, url, "images")
    page.check("[value=picture]", force=True)
    assert page.is_visible("#file") and not page.is_visible("#photo")


@pytest.mark.parametrize("name", MODELS)
def test_nothing_moves_by_itself(visit, url, name):
    page = opened(visit, url, name)
    moving = """() => [...document.querySelectorAll("*")].filter((element) => {
      const { transitionDuration, animationName } = getComputedStyle(element);
      return transitionDuration !== "0s" || animationName !== "none";
    }).length"""
    assert page.evaluate(moving) == 0


def test_the_page_is_small_and_has_nothing_inline():
    from kitutils.ship.serve import app

    files = [app.Path(app.__file__).parent / "page" / name for name in ("index.html", "page.css", "page.js")]
    assert sum(file.stat().st_size for file in files) < 25 * 1024
    html = files[0].read_text(encoding="utf8")
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)|https?://", html)
