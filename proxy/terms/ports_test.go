package terms

import "testing"

func TestPorts(t *testing.T) {
	for text, want := range map[string]int{"": 0, "7": 1, "61001-61999,7": 1000, "1-65535": 65535,
		"0": -1, "9-8": -1, "1-65536": -1, "x": -1, "1-65535,1-65535": -1} {
		got, err := (&Offer{Ports: text}).PortList()
		if (err != nil) != (want < 0) || err == nil && len(got) != want {
			t.Errorf("%q: %d ports, %v", text, len(got), err)
		}
	}
}
