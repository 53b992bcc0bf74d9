package tun

import (
	"bufio"
	"errors"
	"io"
)

// Join carries packets between the device and a channel until either ends, and
// closes both. A packet that one side doesn't take is lost, as on any network;
// when the channel takes none for a while, the system's queue drops those that
// are too many. The error is of what the channel brought; its end is none.
func (d *Device) Join(ch io.ReadWriteCloser) error {
	fed := make(chan error, 1)
	go func() {
		err := d.feed(ch)
		d.Close()
		fed <- err
	}()
	d.drain(ch)
	ch.Close()
	d.Close()
	return <-fed
}

// drain sends the device's packets.
func (d *Device) drain(ch io.Writer) {
	head := d.mode.head()
	// One byte more, so that a packet that is too long shows.
	buf := make([]byte, lengthSize+MaxFrame+1)
	for {
		n, err := d.queue.Read(buf[head:])
		if err != nil {
			return
		}
		if !d.mode.putHead(buf[:head+n]) {
			continue
		}
		if _, err := ch.Write(buf[:head+n]); err != nil {
			return
		}
	}
}

// feed gives the device the packets that come.
func (d *Device) feed(ch io.Reader) error {
	r := bufio.NewReaderSize(ch, lengthSize+MaxFrame)
	buf := make([]byte, MaxFrame)
	for {
		packet, err := d.mode.readPacket(r, buf)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(packet) == 0 {
			continue
		}
		if _, err := d.queue.Write(packet); err != nil && gone(err) {
			return nil
		}
	}
}
