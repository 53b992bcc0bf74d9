package transport

import (
	"errors"
	"slices"
)

// maxEarly bounds what is kept, in bytes: the windows of channels bound what an
// honest server sends before it hears of more.
const maxEarly = 64 << 20

// early keeps the packets for the layers above that came into an exchange, until
// it is over. They are given on even where the exchange ends the connection: they
// may be the last that a program said.
type early struct {
	packets [][]byte
	held    int   // bytes, with what each packet costs
	end     error // what comes behind them
}

// belongsAbove tells what is kept: messages of channels, and the answer of who
// does not know ours.
func belongsAbove(kind byte) bool { return isAbove(kind) || kind == msgUnimplemented }

func (e *early) put(packet []byte) error {
	if e.held += len(packet) + packetCost; e.held > maxEarly {
		return errors.New("kex protocol error: too much data during the exchange")
	}
	e.packets = append(e.packets, slices.Clone(packet))
	return nil
}

// hold puts an error behind the packets where there are any.
func (e *early) hold(err error) error {
	if len(e.packets) == 0 {
		return err
	}
	e.end = err
	return nil
}

func (e *early) empty() bool { return len(e.packets) == 0 && e.end == nil }

func (e *early) take() ([]byte, error) {
	if len(e.packets) == 0 {
		return nil, e.end
	}
	packet := e.packets[0]
	e.packets[0], e.packets = nil, e.packets[1:]
	if e.held -= len(packet) + packetCost; len(e.packets) == 0 {
		e.packets = nil
	}
	return packet, nil
}
