package bootstrap

import "testing"

func TestOnceLeavesOutWhatIsSaidAgain(t *testing.T) {
	for said, want := range map[string]string{
		"": "", "rc\n": "rc\n", "hi\nrc\nhi\n": "hi\nrc\n", "hi\nhi\n": "hi\n", "hi\nrc\n": "hi\nrc\n",
	} {
		if got := once([]byte(said)); string(got) != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}
