"""H.323's messages as bytes: RAS and call signalling (H.225.0), H.245, in aligned PER (X.691); written from the
Recommendations alone."""
import ipaddress
import struct

OPEN = 0xFFFFFFFF


class Per:
    """Writes aligned PER."""

    def __init__(self):
        self.text = ""

    def bits(self, number, count):
        if count:
            self.text += format(number, f"0{count}b")
        return self

    def align(self):
        self.text += "0" * (-len(self.text) % 8)
        return self

    def octets(self, data):
        self.align()
        self.text += "".join(format(one, "08b") for one in data)
        return self

    def integer(self, number, low, high):
        offset, most = number - low, high - low
        if most < 255:
            return self.bits(offset, most.bit_length())
        if most <= 65535:
            return self.align().bits(offset, 8 if most == 255 else 16)
        length = max(1, (offset.bit_length() + 7) // 8)
        self.bits(length - 1, ((most.bit_length() + 7) // 8 - 1).bit_length())
        return self.align().bits(offset, 8 * length)

    def length(self, number):
        self.align()
        return self.bits(number, 8) if number < 128 else self.bits(0x8000 | number, 16)

    def string(self, data, length=None):
        """OCTET STRING, or an open type; LENGTH: a lie about its own."""
        return self.length(len(data) if length is None else length).octets(data)

    def put(self, other):
        """OTHER is a function that writes to this."""
        other(self)
        return self

    def additions(self, present, total):
        """The additions of a SEQUENCE: {index: bytes}."""
        self.bits(0, 1).bits(total - 1, 6)
        for i in range(total):
            self.bits(int(i in present), 1)
        for i in sorted(present):
            self.string(present[i])
        return self

    def done(self):
        self.align()
        return bytes(int(self.text[i:i + 8], 2) for i in range(0, len(self.text), 8)) or b"\0"


def head(per, extended, *optional):
    per.bits(int(extended), 1)
    for field in optional:
        per.bits(0 if field is None else 1, 1)
    return per


PROTOCOL = bytes([0, 8, 0x91, 0x4A, 0, 4])  # 0.0.8.2250.0.4


def place(address, port, kind=None):
    """A TransportAddress of H.225; KIND: "ipx", "netbios", "route", "nsap" for others."""
    def write(per):
        ip = ipaddress.ip_address(address)
        if kind == "ipx":
            per.bits(0, 1).bits(2, 3).octets(b"abcdef").octets(b"abcd").bits(0x6162, 16)
        elif kind == "netbios":
            per.bits(0, 1).bits(4, 3).octets(b"0123456789abcdef")
        elif kind == "route":
            per.bits(0, 1).bits(1, 3).bits(0, 1).octets(ip.packed).integer(port, 0, 65535)
            per.length(2).octets(b"abcd").octets(b"efgh").bits(0, 1).bits(1, 1)
        elif kind == "nsap":
            per.bits(0, 1).bits(5, 3).bits(2, 5).octets(b"xyz")
        elif kind == "later":
            per.bits(1, 1).bits(0, 1).bits(3, 6).string(b"whatever")
        elif ip.version == 4:
            per.bits(0, 1).bits(0, 3).octets(ip.packed).integer(port, 0, 65535)
        else:
            per.bits(0, 1).bits(3, 3).bits(0, 1).octets(ip.packed).integer(port, 0, 65535)
    return write


def places(*list_of):
    def write(per):
        per.length(len(list_of))
        for one in list_of:
            per.put(one)
    return write


def bmp(per, text, least, most):
    per.integer(len(text), least, most).octets(text.encode("utf-16-be"))


def aliases(per):
    """An alias of each of its kinds: digits, a name, a URL, which was added."""
    per.length(3)
    per.bits(0, 1).bits(0, 1).integer(5, 1, 128).align()
    for digit in "20815":
        per.bits("#*,0123456789".index(digit), 4)
    per.bits(0, 1).bits(1, 1)
    bmp(per, "reveille", 1, 256)
    per.bits(1, 1).bits(0, 1).bits(0, 6).string(b"\0\x03h:x")


def h221(per):
    per.bits(0, 1).integer(181, 0, 255).integer(0, 0, 255).integer(21324, 0, 65535)


def nonstandard(per):
    per.bits(0, 1).bits(1, 1).put(h221).string(b"private")


def endpoint(per, full=False):
    """An EndpointType; FULL: with all that it may have, and a supported protocol of each kind."""
    extra = 1 if full else None
    head(per, full, extra, 1, extra, extra, extra, 1)
    if full:
        nonstandard(per)
    per.bits(0, 1).bits(1, 1).bits(1, 1).put(h221).integer(4, 1, 256).octets(b"spid").integer(3, 1, 256).octets(b"1.0")
    if full:
        per.bits(0, 1).bits(1, 1).put(nonstandard)  # gatekeeper
        per.bits(0, 1).bits(1, 1).bits(1, 1).length(3)  # gateway: protocols
        per.bits(0, 1).integer(0, 0, 8).put(nonstandard)
        per.bits(0, 1).integer(7, 0, 8).bits(1, 1).bits(0, 1).additions({1: b"\0"}, 2)  # voice, with prefixes: none
        per.bits(1, 1).bits(0, 1).bits(0, 6).string(b"\0\0")
        nonstandard(per)
        per.bits(0, 1).bits(0, 1)  # mcu
    per.bits(0, 1).bits(0, 1)  # terminal
    per.bits(0, 1).bits(0, 1)
    if full:
        per.additions({0: b"\xa0\0\0\0"}, 2)


def full_endpoint(per):
    endpoint(per, True)


# ---- RAS ----

def ras(index, number, optional, extended=False):
    """The beginning of a RasMessage, up to requestSeqNum; OPTIONAL is a text of 0 and 1."""
    per = Per().bits(0, 1).integer(index, 0, 24).bits(int(extended), 1)
    for bit in optional:
        per.bits(int(bit), 1)
    return per.integer(number, 1, 65535)


def gatekeeper_request(number):
    return ras(0, number, "0000").string(PROTOCOL).put(place("192.168.1.10", 1719)).put(endpoint).done()


def gatekeeper_confirm(number, where, more=False):
    per = ras(1, number, "11" if more else "00").string(PROTOCOL)
    if more:
        nonstandard(per)
        bmp(per, "keeper", 1, 128)
    return per.put(where).done()


def registration(number, *where, more=False):
    per = ras(3, number, "110" if more else "000", True).string(PROTOCOL)
    if more:
        nonstandard(per)
    per.bits(1, 1).put(places(*where)).put(places(place("192.168.1.10", 1719))).put(full_endpoint if more else endpoint)
    if more:
        aliases(per)
    per.bits(0, 1).bits(0, 1).bits(0, 1).put(h221)
    return per.additions({5: b"\0", 7: b"\0", 8: b"\0"}, 9).done()


def registration_confirm(number, *where, life=None, more=False):
    per = ras(4, number, "111" if more else "000", True).string(PROTOCOL)
    if more:
        nonstandard(per)
    per.put(places(*where))
    if more:
        aliases(per)
        bmp(per, "keeper", 1, 128)
    bmp(per, "endpoint 7", 1, 128)
    additions = {5: b"\0", 7: b"\0"}
    if life is not None:
        additions[1] = Per().integer(life, 1, OPEN).done()
    return per.additions(additions, 8).done()


def registration_reject(number):
    return ras(5, number, "00").string(PROTOCOL).bits(0, 1).integer(6, 0, 7).done()


def unregistration(number):
    return ras(6, number, "000").put(places(place("192.168.1.10", 1720))).done()


def unregistration_confirm(number):
    return ras(7, number, "0").done()


def admission(number):
    per = ras(9, number, "0000000").bits(0, 1).integer(0, 0, 3)
    bmp(per, "endpoint 7", 1, 128)
    per.length(0).integer(1280, 0, OPEN).integer(7, 0, 65535).octets(b"0123456789abcdef")
    return per.bits(0, 1).bits(0, 1).done()


def admission_confirm(number, where):
    return ras(10, number, "00").integer(1280, 0, OPEN).bits(0, 1).bits(0, 1).put(where).done()


def location(number):
    return ras(18, number, "00").put(aliases).put(place("192.168.1.10", 1719)).done()


def location_confirm(number, where):
    return ras(19, number, "0").put(where).put(place("203.0.113.5", 1719)).done()


# ---- H.245 ----

def media(address, port, kind=None):
    """A TransportAddress of H.245; KIND "multicast" or "ipx"."""
    def write(per):
        ip = ipaddress.ip_address(address)
        multicast = kind == "multicast"
        per.bits(0, 1).bits(int(multicast), 1).bits(0, 1)
        index = 1 if kind == "ipx" else 0 if ip.version == 4 else 1 if multicast else 2
        per.bits(index, 1 if multicast else 3).bits(0, 1)
        if kind == "ipx":
            per.octets(b"abcdef").octets(b"abcd").bits(0x6162, 16)
        else:
            per.octets(ip.packed).integer(port, 0, 65535)
    return write


def parameters(session, rtp=None, rtcp=None, more=False):
    """H2250LogicalChannelParameters."""
    def write(per):
        extra = 1 if more else None
        head(per, False, extra, extra, rtp, extra, rtcp, extra, extra, None, extra, None)
        if more:
            per.length(1).bits(1, 1).integer(181, 0, 255).integer(0, 0, 255).integer(1, 0, 65535).string(b"x")
        per.integer(session, 0, 255)
        if more:
            per.integer(1, 1, 255)
        if rtp:
            rtp(per)
        if more:
            per.bits(0, 1)
        if rtcp:
            rtcp(per)
        if more:
            per.bits(0, 1).bits(1, 1).integer(101, 96, 127)
    return write


def g711(per):
    per.bits(0, 1).integer(3, 0, 5).bits(0, 1).integer(3, 0, 13).integer(20, 1, 256)


def null_data(per):
    per.bits(0, 1).integer(1, 0, 5)


def audio(index, write):
    return lambda per: write(per.bits(0, 1).integer(3, 0, 5).bits(0, 1).integer(index, 0, 13))


def video(index, write):
    return lambda per: write(per.bits(0, 1).integer(2, 0, 5).bits(0, 1).integer(index, 0, 4))


def data(index, write):
    """A DataApplicationCapability, of 64 kbit/s."""
    def all_of(per):
        per.bits(0, 1).integer(4, 0, 5).bits(0, 1).bits(0, 1).integer(index, 0, 9)
        write(per)
        per.integer(640, 0, OPEN)
    return all_of


def identified(per):
    """NonStandardParameter of H.245, by an object identifier."""
    per.bits(0, 1).string(PROTOCOL).string(b"private")


# A DataType of each shape that has to be stepped over.
TYPES = {
    "nonstandard": lambda per: identified(per.bits(0, 1).integer(0, 0, 5)),
    "null": null_data,
    "h261": video(1, lambda per: per.bits(0, 1).bits(3, 2).integer(1, 1, 4).integer(2, 1, 4).bits(0, 1)
                  .integer(6000, 1, 19200).bits(0, 1)),
    "h262": video(2, lambda per: per.bits(0, 1).bits(63, 6).bits(5, 11).integer(4000000, 0, 1073741823)
                  .integer(1, 0, 262143).integer(720, 0, 16383).integer(576, 0, 16383).integer(5, 0, 15)
                  .integer(10368000, 0, OPEN)),
    "h263": video(3, lambda per: per.bits(1, 1).bits(0b0110011, 7).integer(1, 1, 32).integer(2, 1, 32)
                  .integer(6217, 1, 192400).bits(0, 5).integer(1, 0, 524287).integer(64, 0, 65535)
                  .additions({5: b"\0"}, 6)),
    "mpeg1": video(4, lambda per: per.bits(0, 1).bits(32, 6).bits(1, 1).integer(70000, 0, 1073741823)),
    "h264": lambda per: per.bits(0, 1).integer(2, 0, 5).bits(1, 1).bits(0, 1).bits(0, 6)
    .string(Per().bits(0, 9).string(bytes([0, 8, 0x81, 0x71, 0, 0, 1])).done()),
    "g711": g711,
    "g7231": audio(8, lambda per: per.integer(8, 1, 256).bits(1, 1)),
    "mpeg-audio": audio(12, lambda per: per.bits(0, 1).bits(0xA5, 8).integer(448, 1, 448)),
    "mpeg2-audio": audio(13, lambda per: per.bits(0, 1).bits(0xA5A5A, 20).integer(1130, 1, 1130)),
    "g729ab": lambda per: per.bits(0, 1).integer(3, 0, 5).bits(1, 1).bits(0, 1).bits(0, 6).string(b"\x05"),
    "t120": data(1, lambda per: per.bits(1, 1).bits(0, 1).bits(3, 6).string(b"\0")),
    "t84": data(4, lambda per: per.bits(0, 1).integer(6, 0, 6).bits(1, 1).bits(0, 1).bits(0x55555, 19)),
    "nlpid": data(7, lambda per: per.bits(0, 1).integer(0, 0, 6).put(identified).string(b"\xcc")),
    "h233": lambda per: per.bits(0, 1).integer(5, 0, 5).bits(0, 1).bits(1, 1),
    "later": lambda per: per.bits(1, 1).bits(0, 1).bits(0, 6).string(Per().put(identified).done()),
}


def multiplex(per, content, length=None):
    """The alternative that was added for H.323."""
    per.bits(1, 1).bits(0, 1).bits(0, 6)
    inner = Per().put(content).done()
    per.string(inner, length)


def write_open(per, channel, forward, reverse, kind, port, length):
    """An OpenLogicalChannel; without FORWARD, its media run only in the other direction."""
    head(per, False, reverse).integer(channel, 1, 65535)
    head(per, False, port)
    if port:
        per.integer(port, 0, 65535)
    (kind if forward else null_data)(per)
    multiplex(per, forward or parameters(0), length)
    if reverse:
        head(per, False, 1)
        kind(per)
        multiplex(per, reverse, length)


def proposal(channel, forward=None, reverse=None, kind=g711, port=None, length=None):
    """For a fast start."""
    per = Per()
    write_open(per, channel, forward, reverse, kind, port, length)
    return per.done()


def control(group, index, roots, body):
    """A MultimediaSystemControlMessage; BODY are its bits behind the two choices."""
    per = Per().bits(0, 1).bits(group, 2).bits(0, 1).integer(index, 0, roots - 1)
    if body is not None:
        body(per)
    return per.done()


def open_channel(channel, forward=None, reverse=None, kind=g711, port=None, length=None):
    return control(0, 3, 11, lambda per: write_open(per, channel, forward, reverse, kind, port, length))


def open_ack(channel, rtp=None, rtcp=None, reverse=None, more=False):
    """OpenLogicalChannelAck; REVERSE: parameters of the channel back."""
    def body(per):
        per.bits(1, 1)
        per.bits(0 if reverse is None else 1, 1).integer(channel, 1, 65535)
        if reverse:
            head(per, False, 1, 1).integer(9, 1, 65535).integer(0, 0, 65535)
            multiplex(per, reverse)
        inner = Per().bits(0, 1)
        extra = 1 if more else None
        head(inner, False, extra, extra, rtp, rtcp, extra)
        if more:
            inner.length(1).put(identified).integer(2, 1, 255)
        if rtp:
            rtp(inner)
        if rtcp:
            rtcp(inner)
        if more:
            inner.integer(101, 96, 127)
        per.additions({1: inner.done()}, 2)
    return control(1, 5, 19, body)


def open_reject(channel):
    return control(1, 6, 19, lambda per: per.bits(0, 1).integer(channel, 1, 65535).bits(0, 1).integer(2, 0, 5))


def close_channel(channel):
    return control(0, 4, 11, lambda per: per.bits(0, 1).integer(channel, 1, 65535).bits(0, 1))


def end_session():
    return control(2, 5, 7, lambda per: per.bits(0, 1).bits(1, 2))


def master_slave():
    return control(0, 1, 11, lambda per: per.bits(0, 1).integer(50, 0, 255).integer(4711, 0, 16777215))


def h245(*messages):
    """Each in its TPKT."""
    return b"".join(tpkt(one) for one in messages)


# ---- call signalling ----

def tpkt(content, length=None):
    return struct.pack(">BBH", 3, 0, (len(content) + 4) if length is None else length) + content


def q931(kind, user=None, reference=7, answer=False, length=None):
    """A Q.931 message; ANSWER: from who has not chosen the reference. LENGTH: a lie about the user-to-user element's."""
    message = bytes([8, 2]) + struct.pack(">H", reference | (0x8000 if answer else 0)) + bytes([kind])
    message += bytes([0x04, 3, 0x88, 0xC0, 0xA5, 0xA1, 0x28, 4]) + b"spid"  # bearer, sending complete, display
    if user is not None:
        message += struct.pack(">BHB", 0x7E, (len(user) + 1) if length is None else length, 5) + user
    return tpkt(message)


def octet_strings(strings):
    per = Per().length(len(strings))
    for one in strings:
        per.string(one)
    return per.done()


def uuie(body, tunnelled=None, more=False, list_length=None):
    """H323-UserInformation around BODY, which writes the body's choice and itself."""
    per = Per().bits(0, 1).bits(0, 1).bits(1, 1).bits(int(more), 1)
    body(per)
    if more:
        nonstandard(per)
    additions = {1: b"\x80"}
    if tunnelled is not None:
        additions[2] = octet_strings(tunnelled)
    if list_length is not None:
        additions[2] = Per().length(list_length).done()
    return per.additions(additions, 3).done()


def body(index, write):
    return lambda per: write(per.bits(0, 1).bits(index, 3))


def setup(control=None, fast=None, tunnelled=None, parallel=None, reference=7, more=False, **lies):
    """CONTROL is where the caller takes H.245."""
    def write(per):
        extra = 1 if more else None
        head(per, True, control, extra, extra, extra, extra, extra, extra).string(PROTOCOL)
        if control:
            control(per)
        if more:
            aliases(per)
        (full_endpoint if more else endpoint)(per)
        if more:
            aliases(per)
            place("203.0.113.5", 1720)(per)
            aliases(per)
            per.length(2).integer(7, 0, 65535).integer(8, 0, 65535)
        per.bits(0, 1).octets(b"conference guid.").bits(0, 1).bits(0, 2)
        if more:
            per.bits(0, 1).bits(0, 7).bits(0, 1).bits(0, 2)
        per.bits(0, 1).bits(0, 2)
        additions = {2: b"\0" + b"call identifier.", 7: b"\0", 8: b"\0"}
        if fast is not None:
            additions[6] = octet_strings(fast)
        if parallel is not None:
            additions[24] = octet_strings(parallel)
        per.additions(additions, 26 if parallel is not None else 9)
    return q931(5, uuie(body(0, write), tunnelled, more, lies.get("list_length")), reference, length=lies.get("length"))


def answering(kind, index, control, fast, tunnelled, reference, more):
    def write(per):
        connect = index == 2
        head(per, True, control).string(PROTOCOL)
        if connect and control:
            control(per)
        (full_endpoint if more else endpoint)(per)
        if connect:
            per.octets(b"conference guid.")
        elif control:
            control(per)
        additions = {0: b"\0" + b"call identifier."}
        if fast is not None:
            additions[4] = octet_strings(fast)
        per.additions(additions, 6)
    return q931(kind, uuie(body(index, write), tunnelled, more), reference, True)


def proceeding(control=None, fast=None, tunnelled=None, reference=7, more=False):
    return answering(2, 1, control, fast, tunnelled, reference, more)


def alerting(control=None, fast=None, tunnelled=None, reference=7, more=False):
    return answering(1, 3, control, fast, tunnelled, reference, more)


def connect(control=None, fast=None, tunnelled=None, reference=7, more=False):
    return answering(7, 2, control, fast, tunnelled, reference, more)


def information(fast=None, tunnelled=None, answer=False):
    def write(per):
        per.bits(1, 1).string(PROTOCOL)
        additions = {0: b"\0" + b"call identifier."}
        if fast is not None:
            additions[3] = octet_strings(fast)
        per.additions(additions, 4)
    return q931(0x7B, uuie(body(4, write), tunnelled), answer=answer)


def facility(control=None, fast=None, tunnelled=None, answer=False, reference=7, more=False):
    def write(per):
        extra = 1 if more else None
        head(per, True, extra, extra, extra).string(PROTOCOL)
        if more:
            place("203.0.113.9", 1720)(per)
            aliases(per)
            per.octets(b"conference guid.")
        per.bits(0, 1).bits(3, 2)
        additions = {0: b"\0" + b"call identifier."}
        if control is not None:
            additions[6] = Per().put(control).done()
        if fast is not None:
            additions[7] = octet_strings(fast)
        per.additions(additions, 8)
    return q931(0x62, uuie(body(6, write), tunnelled, more), reference, answer)


def progress(control=None, fast=None, tunnelled=None, secured=False):
    inner = head(Per(), False, control, None, 1 if secured else None, None, fast).string(PROTOCOL).put(endpoint)
    if control:
        control(inner)
    inner.bits(0, 1).octets(b"call identifier.")
    if secured:
        inner.octets(b"tokens")
    elif fast is not None:
        inner.octets(octet_strings(fast))
    inner = inner.done()
    return q931(3, uuie(lambda per: per.bits(1, 1).bits(0, 1).bits(0, 6).string(inner), tunnelled), answer=True)


def empty(tunnelled):
    """A FACILITY that has nothing but what is tunnelled."""
    return q931(0x62, uuie(lambda per: per.bits(1, 1).bits(0, 1).bits(1, 6).string(b"\0"), tunnelled))


def release(reference=7, answer=False, tunnelled=None, bare=False):
    def write(per):
        per.bits(1, 1).bits(1, 1).string(PROTOCOL).bits(0, 1).integer(11, 0, 11)
        per.additions({0: b"\0" + b"call identifier."}, 1)
    return q931(0x5A, None if bare else uuie(body(5, write), tunnelled), reference, answer)
