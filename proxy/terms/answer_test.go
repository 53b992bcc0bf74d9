package terms

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestOfferAsksForASession(t *testing.T) {
	o := anOffer()
	o.Ask, o.Name, o.Tell = Attach, "my build; $(id) \u00e4", true
	word := o.String()
	if strings.ContainsAny(word, " \t\n'\"`$&|;<>(){}[]*?!#~\\=^%") {
		t.Errorf("a shell may change %s", word)
	}
	if got, err := ParseOffer(word); err != nil || !reflect.DeepEqual(got, o) {
		t.Errorf("ParseOffer(%s) = %+v, %v", word, got, err)
	}
	for _, name := range []string{"a\nb", "\x1b[2J", "\xff", " a", "a ", strings.Repeat("a", MaxName+1), "\u202e"} {
		o.Name = name
		if _, err := ParseOffer(o.String()); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
	if _, err := ParseOffer(anOffer().String() + "/ask:everything"); err == nil {
		t.Error("ask:everything was taken")
	}
}

// TestAnswerHoldsNoKeys: whatever stands beside it, an answer begins no session,
// and shows nothing that a terminal obeys.
func TestAnswerHoldsNoKeys(t *testing.T) {
	g := aGreeting()
	g.Answer = &Answer{Refusal: "no \x1b[2J", Sessions: []Session{{
		Name: "a\nb", PID: 7, Release: "1", Since: time.Unix(1, 0).UTC(),
		Terminals: []Terminal{{ID: 1, Program: "vi \x1b]0;x\a" + strings.Repeat("x", 4000)}},
	}}}
	got, found, err := FindGreeting([]byte("noise " + g.Line()))
	if !found || err != nil || got.Answer == nil {
		t.Fatalf("%+v, %v, %v", got, found, err)
	}
	if got.Secret != [32]byte{} || got.Port != 0 || got.Relay != "" {
		t.Error("there are keys beside the answer")
	}
	a := got.Answer
	if len(a.Sessions) != 1 || len(a.Sessions[0].Terminals) != 1 {
		t.Fatalf("%+v", a)
	}
	term := a.Sessions[0].Terminals[0]
	if strings.ContainsAny(a.Refusal+a.Sessions[0].Name+term.Program, "\x1b\a\n") || len(term.Program) > 300 {
		t.Errorf("%+v", *a)
	}
}
