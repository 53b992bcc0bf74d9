package deflate

import "testing"

// TestCompressionKeepsChannelsApart: how long a packet becomes does not tell
// whether an earlier one, of another channel maybe, held the same text.
func TestCompressionKeepsChannelsApart(t *testing.T) {
	length := func(before string) int {
		d := NewDeflater()
		if _, err := d.Packet([]byte(before)); err != nil {
			t.Fatal(err)
		}
		b, err := d.Packet([]byte("Cookie: session=4f3a9c0d7e21b856"))
		if err != nil {
			t.Fatal(err)
		}
		return len(b)
	}
	right, wrong := length("Cookie: session=4f3a9c0d7e21b856"), length("qwzjkvxy QWZJKVXY 4949494949 ()[]{}")
	if right != wrong {
		t.Errorf("%d bytes behind the same text, %d behind another", right, wrong)
	}
}
