package transport

import (
	"math/big"
	"testing"
)

// TestPrimesAreThoseOfPi: the standards made them of its digits, so that nobody
// could choose them: 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + c).
func TestPrimesAreThoseOfPi(t *testing.T) {
	for bits, c := range map[int]int64{1024: 129093, 2048: 124476, 4096: 240904, 8192: 4743158} {
		one := big.NewInt(1)
		p := new(big.Int).Lsh(one, uint(bits))
		p.Sub(p, new(big.Int).Lsh(one, uint(bits-64)))
		p.Sub(p, one)
		digits := new(big.Int).Rsh(pi(bits), uint(130))
		digits.Add(digits, big.NewInt(c))
		if p.Add(p, digits.Lsh(digits, 64)); oakley(bits).p.Cmp(p) != 0 {
			t.Errorf("%d bits: another prime", bits)
		}
	}
}

// pi returns floor(2^bits * pi), by Machin's formula.
func pi(bits int) *big.Int {
	const guard = 64
	unit := new(big.Int).Lsh(big.NewInt(1), uint(bits+guard))
	arctan := func(x int64) *big.Int { // of 1/x
		term := new(big.Int).Div(unit, big.NewInt(x))
		sum := new(big.Int).Set(term)
		for n := int64(3); term.Sign() != 0; n += 2 {
			term.Div(term, big.NewInt(-x*x))
			sum.Add(sum, new(big.Int).Quo(term, big.NewInt(n)))
			if term.Cmp(big.NewInt(-1)) == 0 { // rounds towards minus infinity for ever
				break
			}
		}
		return sum
	}
	a := arctan(5)
	a.Mul(a, big.NewInt(16))
	b := arctan(239)
	a.Sub(a, b.Mul(b, big.NewInt(4)))
	return a.Rsh(a, guard)
}
