package keyfile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"encoding/hex"
	"encoding/pem"
	"strings"
)

// A box is a block cipher with a size of its key, and a mode; "" is none.
type box struct {
	size int // of the key, in bytes
	of   func(key []byte) (cipher.Block, error)
	mode string // CBC, CFB, OFB, CTR
}

// boxes are OpenSSL's ciphers without their modes, by the names in PEM's headers.
var boxes = map[string]box{ // never changes
	"AES-128":  {16, aes.NewCipher, ""},
	"AES-192":  {24, aes.NewCipher, ""},
	"AES-256":  {32, aes.NewCipher, ""},
	"DES":      {8, des.NewCipher, ""},
	"DES-EDE":  {16, newTwoKeyDES, ""},
	"DES-EDE3": {24, des.NewTripleDESCipher, ""},
}

// newTwoKeyDES is triple DES whose third key is its first.
func newTwoKeyDES(key []byte) (cipher.Block, error) {
	return des.NewTripleDESCipher(append(key[:16:16], key[:8]...))
}

func boxNamed(name string) (box, bool) {
	i := strings.LastIndex(name, "-")
	if i < 0 {
		return box{}, false
	}
	b, ok := boxes[name[:i]]
	b.mode = name[i+1:]
	return b, ok
}

// open decrypts. Only a mode with padding can tell a wrong key.
func (b box) open(key, iv, data []byte) ([]byte, error) {
	if b.mode == "CBC" {
		return unpad(b.of, key, iv, data)
	}
	block, err := b.of(key)
	if err != nil {
		return nil, err
	}
	if len(iv) != block.BlockSize() {
		return nil, errFormat
	}
	clear := make([]byte, len(data))
	switch b.mode {
	case "CFB":
		//lint:ignore SA1019 such files are what they are
		cipher.NewCFBDecrypter(block, iv).XORKeyStream(clear, data)
	case "OFB":
		//lint:ignore SA1019 such files are what they are
		cipher.NewOFB(block, iv).XORKeyStream(clear, data)
	case "CTR":
		cipher.NewCTR(block, iv).XORKeyStream(clear, data)
	default:
		return nil, errCrypto
	}
	return clear, nil
}

// decryptPEM opens a block that is sealed as RFC 1421 has it, with OpenSSL's way
// from a passphrase to a key, which is one round of MD5.
func decryptPEM(block *pem.Block, passphrase []byte) ([]byte, error) {
	name, text, _ := strings.Cut(block.Headers["DEK-Info"], ",")
	b, known := boxNamed(name)
	iv, err := hex.DecodeString(strings.TrimSpace(text))
	if !known || err != nil || len(iv) < 8 {
		return nil, errCrypto
	}
	var key, last []byte
	for len(key) < b.size {
		sum := md5.Sum(append(append(last, passphrase...), iv[:8]...))
		last = sum[:]
		key = append(key, last...)
	}
	return b.open(key[:b.size], iv, block.Bytes)
}
