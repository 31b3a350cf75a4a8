"""Ed25519 after RFC 8032, section 5.1, with nothing but Python's integers. Slow, and not for secrets."""

import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
NEUTRAL = (0, 1, 1, 0)


def _number(data):
    return int.from_bytes(data, "little")


def _hash(*parts):
    return _number(hashlib.sha512(b"".join(parts)).digest()) % ORDER


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _multiply(factor, point):
    product = NEUTRAL
    while factor:
        if factor & 1:
            product = _add(product, point)
        point = _add(point, point)
        factor >>= 1
    return product


def _recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


_Y = 4 * pow(5, -1, P) % P
BASE = (_recover_x(_Y, 0), _Y, 1, _recover_x(_Y, 0) * _Y % P)


def _pack(point):
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _unpack(data):
    number = _number(data)
    y = number & (2**255 - 1)
    x = _recover_x(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


def _expand(seed):
    digest = hashlib.sha512(seed).digest()
    return _number(digest[:32]) & (2**254 - 8) | 2**254, digest[32:]


def public_key(seed):
    return _pack(_multiply(_expand(seed)[0], BASE))


def sign(seed, message):
    secret, prefix = _expand(seed)
    key = _pack(_multiply(secret, BASE))
    nonce = _hash(prefix, message)
    commitment = _pack(_multiply(nonce, BASE))
    answer = (nonce + _hash(commitment, key, message) * secret) % ORDER
    return commitment + answer.to_bytes(32, "little")


def verify(key, message, signature):
    if len(key) != 32 or len(signature) != 64 or _number(signature[32:]) >= ORDER:
        return False
    a, r = _unpack(key), _unpack(signature[:32])
    if a is None or r is None:
        return False
    right = _add(r, _multiply(_hash(signature[:32], key, message), a))
    return _pack(_multiply(_number(signature[32:]), BASE)) == _pack(right)
