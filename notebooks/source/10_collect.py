# %% [markdown]
# # 10 · Collect
#
# *How do four sources become one table, without losing a row on the way?*
#
# | teach | run | needs | opens |
# |---|---|---|---|
# | 70 min | 1 min | 01 | `kitutils.data.shop_sources`, `kitutils.data.text_tables`, `kitutils.data.sources`, `kitutils.data.units`, `kitutils.data.contract`, `kitutils.data.locked` |
#
# By the end you will be able to
#
# - read files, a database and a paged API so that what cannot be read is reported, not dropped
# - write a contract for a table, and send the rows that break it into quarantine with the reason
# - lock test rows for good, and tell when the rows at hand are not the rows you will meet
#
# New library: [pandera](https://pandera.readthedocs.io), for contracts.

# %% [markdown] tags=["teacher"]
# **Purpose.** Most projects are lost here, and silently: a join that drops a tenth of the rows raises no error. Everybody
# should leave counting rows before and after each step, and asking who is *not* in the table.
#
# | section | minutes |
# |---|---|
# | 1 Four departments | 4 |
# | 2 Bytes are not letters | 11 |
# | 3 Page after page; exercise 10.1 | 12 |
# | 4 Keys that do not match | 7 |
# | 5 One clock, one currency; exercise 10.2 | 13 |
# | 6 A contract, and a quarantine; exercise 10.3 is homework | 9 |
# | 7 Lock the test rows | 5 |
# | 8 Who is not in the table; the clinic | 9 |
#
# **Fifteen minutes late?** Give exercise 10.2 and the clinic as homework. Keep the predictions about the new order and
# about the marketplace: hardly anybody gets both.
#
# **Likely questions.**
# *Why not let pandas guess the types?* In a column of nothing but digits it makes 495 of 00495, and nothing matches any
# more; 155,96 stays text without a word. Read text, convert on purpose.
# *Can't a program find the encoding?* It can count letters. On this file a popular one answers cp1250 and reads Genčve.
# Words that you know are better evidence than frequencies.
# *Is 15 % of the customers enough to test on?* That gives about 1,800 orders, and an accuracy to ±2.3 points.

# %%
from kitutils.course import claim, exercise, outcome, pick, predict, recap, start

start("10", keras=False)

# %% [markdown]
# ## 1 Four departments
#
# A mail-order shop wants to know, on the day of an order, whether it will come back. We ask its departments for two
# years of data. (The shop is invented, so the truth is known and our work can be scored.)

# %%
import tempfile
from pathlib import Path

from kitutils import data, plots
from kitutils.data import shop, shop_sources

the_shop = shop.generate()
scratch = tempfile.TemporaryDirectory()    # goes when the notebook is closed
folder = Path(scratch.name)
broken = shop_sources.write(folder, the_shop)    # the truth about broken records: for the end
for path in sorted(folder.iterdir()):
    print(f"{path.name:<18}{path.stat().st_size / 1000:>6.0f} kB")

# %% [markdown]
# What came back is known to the parcel desk. It has an **API**: an address that answers programs.
#
# ## 2 Bytes are not letters
#
# A file holds bytes. Which letters they are is its **encoding**, and the file does not say which. The web shop writes
# UTF-8; the phone desk's old program writes Windows-1252 (`cp1252`), one byte a letter.

# %%
web_bytes = (folder / "orders_web.csv").read_bytes()
phone_bytes = (folder / "orders_phone.csv").read_bytes()
for encoding in ("utf-8", "cp1252"):
    print(f"{encoding:<7}", "Köln".encode(encoding))

# %% [markdown]
# Now each file with the other's kind of encoding. (`latin-1` is cp1252's elder sister, one byte a letter as well.)

# %%
predict("10.a", "Read the phone file as UTF-8, and the web file as latin-1. An error comes from …",
        ["both", "only the phone file", "only the web file", "neither"])

# %%
def complaint(content, encoding):
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        return str(error)


errors = {"phone": complaint(phone_bytes, "utf-8"), "web": complaint(web_bytes, "latin-1")}
fails = [name for name, error in errors.items() if error]
outcome("10.a", "both" if len(fails) == 2 else f"only the {fails[0]} file" if fails else "neither")
print("phone file as UTF-8:  ", errors["phone"])
print("web file as latin-1:  ", next(w for w in web_bytes.decode("latin-1").split(",") if "Ã" in w).split("\n")[0])

# %% [markdown]
# UTF-8 has rules that other text hardly ever keeps, so a wrong guess is loud. Latin-1 has a sign for every byte: any
# file passes, and München becomes MÃ¼nchen without a word. So **try UTF-8 first, strictly**. For the phone file several
# old encodings remain. Evidence decides: under which do we read cities that we know?

# %%
cities = set(the_shop.customers["city"])    # a list that the office has
beyond = {city for city in cities if not city.isascii()}
for encoding in ("cp1252", "cp1250", "mac_roman"):
    words = phone_bytes.decode(encoding).replace("\n", ";").split(";")
    odd = {word for word in words if not word.isascii()} - cities
    print(f"{encoding:<10}{sum(word in beyond for word in words):>5} known, then", sorted(odd)[:3])

# %% [markdown]
# cp1250 gets most of them right, and would turn Genève into Genčve. `read_text_table` does what we just did, keeps every
# cell as text and reports what it guessed.

# %%
from kitutils.data.text_tables import read_text_table

web, report = read_text_table(folder / "orders_web.csv")
print(report)
phone, phone_report = read_text_table(folder / "orders_phone.csv", known=cities)
print(phone_report)
claim("collect.known_cities", phone["City"].isin(cities).mean(), at_least=0.85, label="Phone orders from a known city")
phone[["Order no", "Customer", "Taken at", "Price", "Currency", "Weight kg", "source", "source_row"]].head(3)

# %% [markdown]
# `source` and `source_row` are the **provenance**: whoever doubts a number can look it up. Eight lines have one separator
# too many; they wait in `phone_report.bad_lines`. Unknown cities are Polish: the phone desk's encoding has no Ł, ń or ź,
# so Łódź was *written* as Lodz, and no reader brings that back.
#
# ## 3 Page after page
#
# An API hands out its records in pages. The address of the next page comes with each.

# %%
import requests

with shop_sources.serve_parcels(the_shop) as desk:    # a small server on this machine, stopped at the end
    page = requests.get(desk.url, timeout=5).json()
print(f"{page['count']:,} records in all, {len(page['results']):,} on this page")
print("first record:", page["results"][0])

# %% [markdown]
# Whoever takes the first answer for everything has a twelfth of it, and no error.
#
# **Exercise 10.1 (5 minutes): put the lines in order,** so that they read all pages.

# %%
exercise("10.1").show()

# %% tags=["exercise"]
order = "..."

exercise("10.1").check(order)

# %% tags=["solution"]
order = "C D A F B E"

exercise("10.1").solution(order)

# %% [markdown]
# Servers stumble: this one answers page 3 with "500, internal error", once. `read_api` asks again after a pause, and
# compares the number of records with the promised count. The database is easier: one line of SQL a table.

# %%
from kitutils.data.sources import read_api, read_sql

with shop_sources.serve_parcels(the_shop) as desk:
    parcels, repeated = read_api(desk.url, source="parcel desk")
print(f"{len(parcels):,} records, {repeated} request repeated")
database = f"sqlite:///{folder / 'shop.sqlite'}"
customers = read_sql(database, "SELECT * FROM customers ORDER BY customer_id")
products = read_sql(database, "SELECT * FROM products ORDER BY product_id")

# %% [markdown]
# ## 4 Keys that do not match
#
# A **join** puts rows together that have the same key. The database says `C-00495`, the phone desk `00495` or `c-00495`,
# the parcel desk has order `17` for our `O-000017`.

# %%
predict("10.b", "Of the phone orders, as they are, these find their customer in the database:",
        ["nearly all", "about a third", "none"])

# %%
matched = phone["Customer"].isin(customers["customer_id"]).mean()
outcome("10.b", "none" if matched == 0 else "about a third" if matched < 0.6 else "nearly all")
print(f"{matched:.0%} match; an inner join leaves {len(phone.merge(customers, left_on='Customer', right_on='customer_id'))} rows")

# %% [markdown]
# Not one, and the join says nothing. `one_spelling` strips, fills up with zeros and leaves what is no key as it is; our
# two lines make `C-00000` of an empty one. The columns of both files get the same names, too.

# %%
from kitutils.data.units import one_spelling, to_eur, to_utc

digits = phone["Customer"].str.lower().str.removeprefix("c-")
by_hand = "C-" + digits.str.zfill(5)
phone["customer_id"] = one_spelling(phone["Customer"], "C", 5)
print("both agree, except on:", phone["Customer"][phone["customer_id"] != by_hand].tolist())
parcels["order_id"] = one_spelling(parcels["order"], "O", 6)
phone = phone.rename(columns={
    "Order no": "order_id", "Article": "product_id", "Size": "size", "Discount": "discount_pct", "Pieces": "quantity",
    "Payment": "payment", "Promised days": "promised_days",
}).assign(channel="phone")
claim("collect.keys", phone["customer_id"].isin(customers["customer_id"]).mean(), at_least=0.99,
      label="Phone orders that find their customer")

# %% [markdown]
# ## 5 One clock, one currency
#
# The web shop writes `2024-01-01T12:52:06Z`; Z means UTC, the clock without summer time. The phone desk writes what the
# clock on the wall in Berlin says, one or two hours ahead. So orders just after midnight belong to the day before.

# %%
web["ordered_at"] = to_utc(web["ordered_at"], "UTC", "%Y-%m-%dT%H:%M:%SZ")
phone["ordered_at"] = to_utc(phone["Taken at"], "Europe/Berlin", "%d.%m.%Y %H:%M:%S")
moved = phone["ordered_at"].dt.strftime("%d.%m.%Y") != phone["Taken at"].str[:10]
claim("collect.moved_days", moved.mean(), at_least=0.02, at_most=0.1, label="Share of phone orders on another day in UTC")
rates, _ = read_text_table(folder / "rates.csv")
rates["per_eur"] = rates["per_eur"].astype(float)
rates.tail(3)

# %% [markdown]
# 30 February becomes missing, and so would 2:30 on the last Sunday of October, which Berlin has twice. The contract will
# catch such rows. The rates say what one euro bought *from that day on*, until the next line for that currency.
#
# **Exercise 10.2 (10 minutes).** Write `euros(amount, currency, day, rates)`: the amount in EUR, not rounded, or `None`
# where no rate is known. `day` is a text like `"2025-03-14"`; ISO dates compare like words.

# %% tags=["exercise"]
def euros(amount, currency, day, rates):
    ...


exercise("10.2").check(euros)

# %% tags=["solution"]
def euros(amount, currency, day, rates):
    valid = rates[(rates["currency"] == currency) & (rates["from_day"] <= day)].sort_values("from_day")
    return amount / valid["per_eur"].iloc[-1] if len(valid) else None


exercise("10.2").solution(euros)

# %% [markdown]
# `to_eur` does it for a column. A decimal comma becomes a point, kilograms become grams.

# %%
import pandas as pd


def number(texts):
    return pd.to_numeric(texts.str.replace(",", "."), errors="coerce")


day = phone["ordered_at"].dt.strftime("%Y-%m-%d")
phone["price_eur"] = to_eur(number(phone["Price"]), phone["Currency"], day, rates)
phone["weight_g"] = (1000 * number(phone["Weight kg"])).round(1)
web[["price_eur", "weight_g"]] = web[["price_eur", "weight_g"]].apply(number)
abroad = phone["Currency"] == "PLN"
print(f"zlotys taken for euros: {number(phone['Price'])[abroad].mean():.0f}, converted: {phone['price_eur'][abroad].mean():.0f}")

# %% [markdown]
# ## 6 A contract, and a quarantine
#
# One table at last. We join from the left, so that no order disappears; `validate` refuses keys that are there twice. What
# is left over on the right is kept aside.

# %%
both = [c for c in web.columns if c in phone.columns]
orders = pd.concat([web[both], phone[both]], ignore_index=True)
orders[["quantity", "discount_pct", "promised_days"]] = orders[["quantity", "discount_pct", "promised_days"]].apply(number)
table = (orders.merge(customers.drop(columns=["source", "source_row"]), on="customer_id", how="left", validate="m:1")
         .merge(products[["product_id", "category"]], on="product_id", how="left", validate="m:1")
         .merge(parcels[["order_id", "scans", "returned"]], on="order_id", how="left", validate="1:1"))
print(f"{len(web):,} + {len(phone):,} = {len(table):,} rows")
orphans = parcels[~parcels["order_id"].isin(table["order_id"])]
print(f"{len(orphans)} parcel records belong to no row: of bad lines, or of no order at all", list(orphans["order"][-3:]))

# %% [markdown]
# A **contract** states what must hold for a row before anybody builds on it. Rows that break it go into **quarantine**, with
# the reason, until somebody mends them at the source.

# %%
import pandera.pandas as pa

from kitutils.data.contract import screen

contract = pa.DataFrameSchema({
    "ordered_at": pa.Column("datetime64[us, UTC]", pa.Check.in_range(pd.Timestamp("2024-01-01", tz="UTC"),
                                                                   pd.Timestamp("2026-01-01", tz="UTC"))),
    "born": pa.Column(str),                      # no customer of that key: missing
    "category": pa.Column(str),                  # no product of that key: missing
    "quantity": pa.Column(int, pa.Check.ge(1), coerce=True),
    "price_eur": pa.Column(float, pa.Check.gt(0)),
    "weight_g": pa.Column(float, pa.Check.in_range(1, 50_000)),
    "payment": pa.Column(str, pa.Check.isin(list(shop.PAYMENTS))),
    "returned": pa.Column(object, pa.Check.isin([True, False])),    # the label
})
good, quarantine = screen(table, contract)
print(f"{len(table):,} = {len(good):,} good + {len(quarantine)} in quarantine")
quarantine.groupby(["why", "source"]).size()

# %% [markdown]
# The right ones? Here we can ask: we know what was broken. Then we compare the good rows with the shop's own books, cell by
# cell.

# %%
caught = set(quarantine["order_id"]) | set(phone_report.bad_lines["text"].str[:8])
truly = set(broken["order_id"]) | set(desk.missing)
print(f"broken and caught: {len(caught & truly)}, missed: {len(truly - caught)}, wrongly held: {len(caught - truly)}")
claim("collect.quarantine", len(caught ^ truly), at_most=0, label="Rows on the wrong side of the contract", headline=True)
books = data.load("shop")
ours = good.assign(ordered_on=good["ordered_at"].dt.strftime("%Y-%m-%d"), parcel_scans=good["scans"])
ours = ours.set_index("order_id").sort_index()
theirs = books.frame.set_index("order_id").loc[ours.index]
columns = [c for c in theirs if c in ours and c != "price_eur"]
different = (ours[columns].astype(theirs[columns].dtypes) != theirs[columns]).sum().sum()
cents = 100 * (ours["price_eur"] - theirs["price_eur"]).abs().max()
claim("collect.parity", different, at_most=0, data=books, headline=True, label="Cells that differ from the shop's books")
claim("collect.cents", cents, at_most=1.01, data=books, label="Largest difference of a price, in cents")

# %% [markdown]
# Every cell agrees; prices differ by a cent at most, from rounding in another currency.
#
# **Exercise 10.3 (stretch): find the bugs.** A colleague's quarantine without pandera. Four orders go in. What comes out?

# %%
def their_screen(rows):
    good = rows[(rows["quantity"] >= 1) & (rows["price"] > 0)]
    few = rows[rows["quantity"] < 1].assign(why="quantity")
    cheap = rows[rows["price"] <= 0].assign(why="price")
    return good, pd.concat([few, cheap])


four = pd.DataFrame({"quantity": [2, 0, 1, None], "price": [9.5, -1, None, 5]})
print("good:", len(their_screen(four)[0]), " quarantine:", their_screen(four)[1].to_dict("records"))

# %% [markdown]
# Write `screened(rows)`: good rows and quarantined rows, each row in one of the two and once, in their order, unchanged,
# with their index. The column `why` of the quarantined is `"quantity"`, `"price"` or `"quantity, price"`. A missing value
# breaks the rule as well.

# %% tags=["exercise"]
def screened(rows):
    ...


exercise("10.3").check(screened)

# %% tags=["solution"]
def screened(rows):
    few, cheap = ~(rows["quantity"] >= 1), ~(rows["price"] > 0)    # a comparison with a missing value is False
    why = few.map({True: "quantity", False: ""}) + (few & cheap).map({True: ", ", False: ""})
    why = why + cheap.map({True: "price", False: ""})
    return rows[why == ""], rows[why != ""].assign(why=why[why != ""])


exercise("10.3").solution(screened)

# %% [markdown]
# ## 7 Lock the test rows
#
# Before anybody builds a model, we put rows aside that will judge it. Usually one draws them with a fixed seed. But
# collecting goes on: tomorrow a forgotten order of January turns up and takes its place at the top of the table.

# %%
predict("10.c", "The split is drawn again with the same seed. Of the test orders, these are test orders again:",
        ["all", "nearly all", "less than half"])

# %%
import numpy as np
from sklearn.model_selection import train_test_split

_, before = train_test_split(np.arange(len(good)), test_size=0.15, random_state=0)
_, after = train_test_split(np.arange(len(good) + 1), test_size=0.15, random_state=0)
stay = np.isin(before + 1, after).mean()    # each order now stands one row further down
outcome("10.c", "all" if stay == 1 else "nearly all" if stay > 0.5 else "less than half")
claim("collect.stay", stay, at_most=0.5, label="Test orders that stay so when one order is added")

# %% [markdown]
# The seed fixes which *positions* are drawn, and everybody has moved: most new test rows were trained on yesterday. Let the
# key decide instead. A **hash** turns a text into a number that looks random and never changes.

# %%
import hashlib


def place(key):    # 0 to 1, the same on every machine, for ever
    return int(hashlib.sha256(f"kit/shop/test/1\0{key}".encode()).hexdigest()[:16], 16) / 16**16


from kitutils.data.locked import locked_test

by_hand = [place(customer) < 0.15 for customer in good["customer_id"]]
locked = locked_test(good["customer_id"])
print(f"{locked.sum():,} of {len(good):,} rows locked; agrees: {np.array_equal(locked, by_hand)}")
claim("collect.locked", locked.mean(), at_least=0.13, at_most=0.17, label="Share of the rows that are locked")

# %% [markdown]
# We hash the *customer*, not the order: people have habits, and a model that has met a customer looks better than it is.
# The lessons about the shop leave these rows alone until a last model is asked about them, once.
#
# ## 8 Who is not in the table
#
# The marketplace reports its returns first. Why wait for the rest? One model learns from marketplace orders, one from as
# many orders of all kinds, drawn at random, one from only 300 at random. None is told the channel. All are judged on the
# same other customers, in several random divisions; the test rows stay locked.

# %%
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

known = good[~locked].astype({"returned": bool}).reset_index(drop=True)
numbers, words = ["price_eur", "discount_pct", "quantity", "promised_days"], ["category", "payment", "country", "size"]
x = pd.get_dummies(known[numbers + words], columns=words, dtype=float)    # a word becomes columns of 0 and 1


def chances(rows, judged):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x.loc[rows.index], rows["returned"])
    return model.predict_proba(x.loc[judged.index])[:, 1]

# %% [markdown]
# `right` and `off` say, for each judged order, whether the model was right and how far its chance was above the truth.

# %%
from kitutils.data.splits import three_way

found = []
for seed in range(pick(ci=3, workshop=20, full=20)):
    train, _, rest = three_way(known, (0.6, 0, 0.4), groups=known["customer_id"], seed=seed)
    learn, judged = known.iloc[train], known.iloc[rest]
    market = learn[learn["channel"] == "marketplace"]
    samples = {"marketplace": market, "as many at random": learn.sample(len(market), random_state=seed),
               "300 at random": learn.sample(300, random_state=seed)}
    for name, rows in samples.items():
        p = chances(rows, judged)
        one = judged[["channel"]].assign(sample=name, seed=seed, right=100 * ((p > 0.5) == judged["returned"]))
        found.append(one.assign(off=100 * (p - judged["returned"])))
found = pd.concat(found)

# %% [markdown]
# First the usual question: how often is each right?

# %%
predict("10.d", "Against as many orders at random, the marketplace model is right …",
        ["about as often", "5 points less often", "10 points less often"])

# %%
from kitutils.evaluate import over_splits

right = found.groupby(["seed", "sample"])["right"].mean().unstack()
print(right.mean().round(1).to_string())
print(f"whoever says that nothing comes back: {100 * (1 - known['returned'].mean()):.1f}")
lost, (low, high) = over_splits(right["as many at random"] - right["marketplace"], test_share=0.4)
print(f"the random sample is ahead by {lost:.1f} points, interval {low:.1f} to {high:.1f}")
outcome("10.d", "about as often" if lost < 3 else "5 points less often" if lost < 7.5 else "10 points less often")
claim("collect.bias_accuracy", lost, at_most=pick(ci=6, workshop=2.5, full=2.5), data=books,
      label="Points of accuracy lost by the marketplace sample")

# %% [markdown]
# These divisions cannot tell them apart. Now the warehouse asks: in 100 orders, how many returns does each model expect
# that never come?

# %%
off = found.groupby(["sample", "channel"])["off"].mean().unstack().loc[list(samples)]
off.insert(0, "all orders", found.groupby("sample")["off"].mean())
figure, axis = plots.plt.subplots(figsize=(7, 2.8))
for i, (name, row) in enumerate(off.iterrows()):
    axis.bar(np.arange(5) + 0.27 * (i - 1), row, width=0.25, label=name)
axis.axhline(0, color="black", lw=0.8)
axis.set(xticks=np.arange(5), xticklabels=off.columns, ylabel="returns too many\nin 100 orders")
axis.legend(title="trained on", loc="upper left", bbox_to_anchor=(1, 1))
plots.show(figure, alt="Returns that each model expects too many in 100 orders. Trained on the marketplace: 7 for all orders, "
           "12 by phone, 10 on the web, 6 in the app, none on the marketplace. Trained at random, with as many rows or with "
           "300: 1 or 2 for all orders, none in the app, 6 or 7 too few on the marketplace, 3 to 6 too many by phone and web.")
by_seed = found.groupby(["seed", "sample"])["off"].mean().unstack()
worse, (low, high) = over_splits(by_seed["marketplace"] - by_seed["as many at random"], test_share=0.4)
print(f"marketplace above random by {worse:.1f} returns in 100 orders, interval {low:.1f} to {high:.1f}")
claim("collect.bias", off.loc["marketplace", "all orders"], at_least=pick(ci=1, workshop=5, full=5), data=books,
      headline=True, label="Returns too many in 100 orders, trained on the marketplace")
claim("collect.fair", abs(off.loc["300 at random", "all orders"]), at_most=pick(ci=9, workshop=4, full=4), data=books,
      label="Returns by which 300 orders at random are off")

# %% [markdown]
# This is **sampling bias**: who gets into the table depends on what we want to know. People send more back on the
# marketplace, so a model that has met no others expects too much of everybody else, most of all by phone. The fair models
# miss each channel too, since they do not know it, but over all orders their errors nearly cancel. Accuracy asks only on
# which side of ½ a chance lies, and hardly notices. Too few rows were not the trouble: 300 drawn fairly come nearer.
#
# > **Before you collect.** *Licence:* what can be downloaded is not therefore free to use. *Consent and law:* a postcode with
# > a date of birth names a person nearly as well as the name does. Collect what the question needs, for the purpose that
# > people were told; delete it when that is done. *Public data:* OpenML, the UCI repository, Hugging Face and the open-data
# > portals of states name licences; of each, ask who is not in it.
#
# ### Article clinic: the join that nobody counted
#
# From a tutorial: "some lines are broken, so we skip them", then plain joins.

# %%
skip = {"encoding_errors": "ignore", "on_bad_lines": "skip"}
article = pd.concat([
    pd.read_csv(folder / "orders_web.csv", **skip),
    pd.read_csv(folder / "orders_phone.csv", sep=";", **skip).rename(
        columns={"Order no": "order_id", "Customer": "customer_id", "Article": "product_id"}),
])
article = article.merge(customers, on="customer_id").merge(products, on="product_id").merge(parcels, on="order_id")

# %% [markdown]
# The return rate in it is a first check. How far is it off?

# %%
predict("10.e", "The return rate in the article's table is off by …", ["less than 1 point", "about 3 points", "about 10 points"])

# %%
rate, true_rate = 100 * article["returned"].mean(), 100 * books.frame["returned"].mean()
points, gone = abs(rate - true_rate), len(books.frame) - len(article)
outcome("10.e", "less than 1 point" if points < 1 else "about 3 points" if points < 6 else "about 10 points")
by_phone = article["channel"].isna().sum()
print(f"{gone:,} of {len(books.frame):,} orders gone, {by_phone} phone orders left; rate {rate:.1f} %, in truth {true_rate:.1f} %")
claim("clinic.rows_lost", gone / len(books.frame), at_least=0.1, at_most=0.13, data=books, headline=True,
      label="Share of the orders that skipping and inner joins lose")
claim("clinic.rate_points", points, at_least=0.2, at_most=1, data=books, label="Points by which its return rate is off")

# %% [markdown]
# Every phone order is gone, a ninth of the table, and nothing looks wrong: no error, and a rate that is off by less than a
# point. The repair is this lesson: read strictly, join from the left with `validate`, and **count**.
#
# ## Recap
#
# - A file does not say its encoding. Try UTF-8 strictly, then let words that you know decide; never replace.
# - One spelling, one clock, one currency before you join; count the rows after it.
# - What breaks the contract waits in quarantine, with its reason and its source.
# - Lock the test rows by a hash of the customer, before there is a model.
# - Ask who is not in the table. Accuracy may not tell you.

# %%
recap("10")

# %% [markdown]
# **Saved:** nothing; `data.load("shop")` gives this table with the broken records mended, `locked_test` its test rows.
#
# **Next:** lesson 12 gets the same table as an everyday export has it, and cleans it.
