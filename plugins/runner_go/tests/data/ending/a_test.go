package ending

import (
	"fmt"
	"os"
	"testing"
)

func TestGood(t *testing.T) {}

func TestEnd(t *testing.T) {
	fmt.Println("--- PASS: TestEnd (0.00s)\nPASS")
	os.Exit(0)
}
