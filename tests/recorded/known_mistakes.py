"""Recorded texts whose recorded verdict is a mistake of the source's parser, shown by the text itself.

Each text was read, one by one. The first 12 hex digits of its SHA-256 stand for it: the texts stay where they are.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """Texts of one kind: what they really say (None: no verdict that binds), and what the source got wrong."""

    verdict: str | None
    reason: str
    listed: str

    @property
    def texts(self) -> list[str]:
        return self.listed.split()


MISTAKES = (
    Mistake(
        "second",
        "the source looks for `Output (a) is better` anywhere before it looks for (b): it took what one side of a "
        "debate argues, or an earlier remark, and the text concludes that Output (b) is better",
        "035516a8ac03 08ea5b0668f3 0a3739715047 0a3c88150e02 0e6a55db3658 106bbc8010f6 1546d4a214f1 "
        "1594bccf4044 1b353b7b00d2 20c9183027e0 2828233fb44a 2990d46ee347 2d001a011ba6 2e26b16fdb4d "
        "32b02bcc4087 32efa540ba29 330971592f39 336a5651ba77 347ab0a0d29e 39163e24e4ea 3b2cea1cdc36 "
        "3d72cfc56aa8 403b1fc23873 4a8bd462f8da 4bb59c276639 4d01d97067ee 58d53cf3849f 5dfffaf355a6 "
        "5e87d872566f 62985695817b 655762d45e8c 65c85f0744b1 6a290f850568 6c263eb33b90 6ec3b044ed36 "
        "6f8d9f0da5ee 70ba14716ac5 74048b1d9867 740a4eaa81f7 751b5485040f 7ad96380efa9 7bb6209676b9 "
        "81bcb9d8472a 8987582cc813 8fb701d6654a 928fefddbb9c 92e4e190e5c1 9407b4a60078 97c8fd367bd3 "
        "9a6ae55e05fe a6dfb17e040b afb01f59860d b1bffbc5adaa b925eb35275e bdd8fd972a27 c1d21b6356c4 "
        "c404d29c4e4b c6a2014702b2 ca6c261d1e79 cfec6a17a1ac d5d6f3672c3b d7237fac7369 d9bd56b22955 "
        "da830a9859d8 e05fdcedd742 e958bc6e2a5a e9bc295d9acb e9db08dedcc0 eee960f1b6c5 f1c18036d909 "
        "f3a281c4f76b faf51c883caf fd8fbca78058",
    ),
    Mistake(
        "second",
        "the source looks for a line that begins with Output (a) before it looks for (b): it took the first line of "
        "the explanation, and the text opens with its verdict, Output (b)",
        "0a098f0c52cd 0bb93770a515 0d5a60489d27 12862dd85814 13a523d53e53 1601f8785d28 19e9fb77e92d "
        "1f687ab345a0 1f75ffe8a824 293b859d1822 2ea202487683 308839e1cbf2 361b51793e40 37dd063ee0c5 "
        "3994f6748a6e 3e5d1d1f1f80 3efa89eb3bb5 41777da98bfd 4477be04e5f8 45905dda5d39 47d6b0fb9443 "
        "4f738ad78ddc 5202b4d1e4b6 5478a55e0572 58c3441963cd 60443247497d 65c81f6966c9 66040819c9ef "
        "67f6352899bc 6fc9bcec35bd 70659575b417 709dc245260b 735264c60747 7c80828f405e 7f995f4d510b "
        "84aa8395aed8 8b47a8f27471 8cca77a194a3 90424bb41918 90b8e3b38cbc 9269ba6a2f53 9dedd3294a98 "
        "9ea3ab820c79 a0197e477454 a0ffbfc4cc93 a1920bd03810 a5403601ba03 a5651beed0f2 ab30234419d2 "
        "b58d8588b487 ba6b2883dfdc ba92788ef648 c00f7294909f c65e6e779638 c74a27b49cdf ca3de00f7406 "
        "cc287af9432b cd4d5fcd8110 cded54f2ff72 d35623357273 d6f61815af7d d9aa68f0d003 dba1f15b440c "
        "df159637ad85 df929fcd1a09 f46eeaf46d75 f866bd684f80 fbf7f168d20e",
    ),
    Mistake(
        None,
        "cut off before any verdict of its own: the text only reports what the two sides of a debate argue",
        "3b60cdcc8ae8 72c59cdf83b4 99f831758270",
    ),
    Mistake(
        None,
        "the text says that neither output is better",
        "31ed884fd827 5f60b9c5cd6a 797d2ba51e89 92b6913d7552 bf7c50dfb8c4",
    ),
    Mistake(
        "first",
        "the source knows one wording only: here the verdict is `select` or `choose`, or lacks its full stop",
        "0161c3c0cdf5 244ae091535b cbb199f7cfb0",
    ),
    Mistake(
        "second",
        "the source knows one wording only: here the verdict is `select` or `choose`, or lacks its full stop",
        "4cf3061c1a97 b376053775ff",
    ),
    Mistake(
        None,
        "the source took a mention at the start of a line for the verdict; the text is cut off before one",
        "75d84ac90ed4",
    ),
    Mistake(
        None,
        "the last sentence gives two verdicts, one to each of two questions",
        "2f619313b4d9",
    ),
    Mistake(
        "second",
        "the source took an earlier label, on the first question; the last sentence names the other",
        "8983630020ca",
    ),
)
