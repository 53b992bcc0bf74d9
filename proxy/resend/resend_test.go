package resend

import (
	"testing"
	"time"
)

var epoch = time.Unix(1e9, 0)

func TestSmallDatagramsAreRepeatedWithinABudget(t *testing.T) {
	var r Copies
	if got := r.After(epoch, 50, 0); got != nil {
		t.Errorf("without loss: %v", got)
	}
	if got := r.After(epoch.Add(time.Second), 50, 0.03); len(got) != 1 {
		t.Errorf("some loss: %v", got)
	}
	if got := r.After(epoch.Add(2*time.Second), 50, 0.2); len(got) != 2 {
		t.Errorf("much loss: %v", got)
	}
	if got := r.After(epoch.Add(2500*time.Millisecond), 50, 0.5); len(got) != 4 {
		t.Errorf("half is lost: %v", got)
	}
	if got := r.After(epoch.Add(3*time.Second), 1200, 0.2); got != nil {
		t.Errorf("a large one: %v", got)
	}
	sent := 0
	for i := range 1000 { // ten seconds of small datagrams
		sent += 50 * len(r.After(epoch.Add(time.Minute+time.Duration(i)*10*time.Millisecond), 50, 0.2))
	}
	if sent > copyBytes+10*copyRefill {
		t.Errorf("%d bytes of copies in ten seconds", sent)
	}
	r.Returned(epoch.Add(time.Hour))
	if got := r.After(epoch.Add(time.Hour+time.Second), 50, 0); len(got) != 2 {
		t.Errorf("after an outage: %v", got)
	}
}

func TestLastDatagramsAreKept(t *testing.T) {
	var k Recent
	second := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }
	large := make([]byte, 1200)
	k.Note(second(1), large, 0)
	k.Note(second(2), []byte("a"), 0)
	k.Note(second(3), append(append([]byte{}, large...), "end"...), len(large)) // a train of two
	if got := k.Last(epoch); len(got) != 3 || string(got[0]) != "a" || len(got[1]) != 1200 || string(got[2]) != "end" {
		t.Errorf("kept %d datagrams", len(got))
	}
	if got := k.Last(second(3)); len(got) != 2 {
		t.Errorf("%d of the third second", len(got))
	}
	if got := k.Small(epoch); len(got) != 2 {
		t.Errorf("%d small ones", len(got))
	}
}
