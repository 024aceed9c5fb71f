package failing

import "testing"

func TestGood(t *testing.T) {}

func TestBad(t *testing.T) { t.Errorf("got %d, want %d", 3, 4) }
