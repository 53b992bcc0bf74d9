package wire

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func TestNumberedAndReportArrive(t *testing.T) {
	c, s := NewClientRepair(testSecret), NewServerRepair(testSecret)
	b := c.AppendNumbered([]byte("before"), 1<<47, 1<<40+7, []byte("datagram"))[6:]
	tx, order, d, ok := s.OpenNumbered(b)
	if tx != 1<<47 || order != 1<<40+7 || string(d) != "datagram" || !ok || len(b) != len("datagram")+RepairSize || IsTransport(b) || !IsRepair(b) {
		t.Errorf("got %d, %d, %q, %v in %d bytes", tx, order, d, ok, len(b))
	}
	if _, _, _, ok := c.OpenNumbered(b); ok {
		t.Error("an end opens what it sealed")
	}
	r := Report{Number: 9, Down: true, Bytes: 1 << 33, Stamp: time.Hour, Delay: time.Millisecond, Last: 77,
		Spans: []Span{{75, 77}, {3, 70}, {1, 1}}}
	var got Report
	if err := c.OpenReport(&got, s.SealReport(&r)); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v, %v", got, err)
	}
	for i := range uint64(1000) {
		r.Spans = append(r.Spans[:i], Span{1<<40>>1 - 1000*i, 1<<40>>1 - 1000*i})
	}
	if b := s.SealReport(&r); len(b) > MaxReport || c.OpenReport(&got, b) != nil || len(got.Spans) != maxSpans {
		t.Errorf("%d spans in %d bytes", len(got.Spans), len(b))
	}
}

// FuzzReport: what parses has spans that go down, of numbers that exist.
func FuzzReport(f *testing.F) {
	r := Report{Bytes: 5, Last: 9, Spans: []Span{{9, 9}, {2, 4}}}
	f.Add(r.body())
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Report
		if r.parse(bytes.Clone(b)) != nil {
			return
		}
		for i, s := range r.Spans {
			if s.First > s.Last || i > 0 && s.Last >= r.Spans[i-1].First {
				t.Fatalf("spans %v", r.Spans)
			}
		}
	})
}

func TestBulkLeavesRoomForNumbers(t *testing.T) {
	if BulkMTU(1452) != 1452-RepairSize || BulkMTU(0) != 1200 {
		t.Errorf("%d, %d bytes", BulkMTU(1452), BulkMTU(0))
	}
}

func TestBulkOfBarePaths(t *testing.T) {
	train, size := AppendBulk(nil, []byte("abcdefgh"), 3)
	if string(train) != "\x12abc\x12def\x12gh" || size != 4 {
		t.Errorf("%q, %d", train, size)
	}
	for in, want := range map[string]string{"\x12a": "a", "\x12": "", "": "", "@a": ""} {
		if d, ok := OpenBulk([]byte(in)); string(d) != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", in, d, ok)
		}
	}
}
