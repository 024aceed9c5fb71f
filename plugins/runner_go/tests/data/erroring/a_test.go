package erroring

import "testing"

func TestNever(t *testing.T) { nothing() }
