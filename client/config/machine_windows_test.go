package config

import "testing"

func TestHomeOnWindows(t *testing.T) {
	m := &Machine{Home: `C:\Users\me`}
	for path, want := range map[string]string{
		`~/.ssh/id`:       `C:\Users\me/.ssh/id`,
		`~\.ssh\id`:       `C:\Users\me/.ssh\id`,
		`C:\Users\me\key`: `C:\Users\me\key`,
	} {
		if got, err := m.Tilde(path); got != want || err != nil {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}
