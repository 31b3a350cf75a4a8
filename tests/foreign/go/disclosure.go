package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
)

const leafLength = 80

func strictBase64(text string) ([]byte, error) {
	return base64.StdEncoding.Strict().DecodeString(text)
}

// discloseLeaf takes the leaf out of a proof file's extra data and, where fields are disclosed with it,
// rebuilds the body hash that the leaf holds: "ixd1" ‖ leaf ‖ u16 count ‖ items with a commitment
// (state 2) or with salt and value (state 3).
func discloseLeaf(extra []byte) (leaf []byte, fields int, err error) {
	rest, found := bytes.CutPrefix(extra, []byte("ixd1"))
	if !found || len(rest) < leafLength {
		return nil, 0, errors.New("the extra data holds no leaf")
	}
	leaf, rest = rest[:leafLength], rest[leafLength:]
	if len(rest) == 0 {
		return leaf, 0, nil
	}
	cut := func(length int) []byte {
		if length < 0 || length > len(rest) {
			err = errors.New("the disclosed fields are cut off")
			return make([]byte, max(length, 0)&0xffff)
		}
		part := rest[:length]
		rest = rest[length:]
		return part
	}
	count := binary.BigEndian.Uint16(cut(2))
	body := sha256.New()
	body.Write([]byte("evb1\x00"))
	body.Write(binary.BigEndian.AppendUint16(nil, count))
	for i := 0; i < int(count) && err == nil; i++ {
		path := cut(int(binary.BigEndian.Uint16(cut(2))))
		framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(path))), path...)
		commitment := []byte{}
		switch state := cut(1)[0]; state {
		case 2:
			commitment = cut(sha256.Size)
		case 3:
			salt := cut(sha256.Size)
			value := cut(int(binary.BigEndian.Uint32(cut(4))))
			hash := sha256.Sum256(bytes.Join([][]byte{[]byte("evc1\x00"), salt, framed, value}, nil))
			commitment = hash[:]
			fields++
		default:
			return nil, 0, errors.New("a disclosed field is in neither state 2 nor state 3")
		}
		body.Write(framed)
		body.Write(commitment)
	}
	if err != nil {
		return nil, 0, err
	}
	if len(rest) > 0 || !bytes.Equal(body.Sum(nil), leaf[48:]) {
		return nil, 0, errors.New("the disclosed fields are not those of the leaf")
	}
	return leaf, fields, nil
}
