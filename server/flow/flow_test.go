package flow

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestCopySaysWhatEndedIt(t *testing.T) {
	broken := errors.New("broken")
	data := bytes.Repeat([]byte("0123456789abcdef"), 100000)
	var out bytes.Buffer
	if write, read := Copy(&out, bytes.NewReader(data)); write != nil || read != nil || !bytes.Equal(out.Bytes(), data) {
		t.Errorf("%v, %v, %d bytes of %d", write, read, out.Len(), len(data))
	}
	out.Reset()
	if write, read := Copy(&out, io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken))); write != nil || read != broken || out.Len() != len(data) {
		t.Errorf("reader: %v, %v, %d bytes", write, read, out.Len())
	}
	r, w := io.Pipe()
	r.CloseWithError(broken)
	if write, read := Copy(w, bytes.NewReader(data)); write != broken || read != nil {
		t.Errorf("writer: %v, %v", write, read)
	}
}

// TestLastBytesWithEOF has a reader that gives bytes and io.EOF at once.
func TestLastBytesWithEOF(t *testing.T) {
	var out bytes.Buffer
	Copy(&out, iotest.DataErrReader(bytes.NewReader([]byte("tail"))))
	if out.String() != "tail" {
		t.Errorf("%q", out.String())
	}
}
