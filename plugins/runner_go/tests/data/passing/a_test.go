package passing

import "testing"

func TestGood(t *testing.T) {}

func TestTable(t *testing.T) {
	for _, name := range []string{"one", "two words"} {
		t.Run(name, func(t *testing.T) {})
	}
}

func TestSkip(t *testing.T) { t.Skip("why") }
