// Tells that all tests of a test process were begun and that its run came to a good end, and only then.
//
// It becomes a part of package testing, by an overlay. CONDUCTOR_RETURNED has the numbers of two pipes: one to read a
// secret from, and one to write it back into. CONDUCTOR_PATTERN says which tests are to be run.

package testing

import (
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

var conductor struct {
	sync.Mutex
	pipe    int
	secret  []byte
	pattern string
	tests   []InternalTest
	left    map[string]bool
}

func init() {
	question, answer, found := strings.Cut(os.Getenv("CONDUCTOR_RETURNED"), ",")
	if !found {
		return
	}
	conductor.pattern = os.Getenv("CONDUCTOR_PATTERN")
	os.Unsetenv("CONDUCTOR_RETURNED")
	os.Unsetenv("CONDUCTOR_PATTERN")
	from, _ := strconv.Atoi(question)
	conductor.pipe, _ = strconv.Atoi(answer)
	conductor.secret = make([]byte, 16)
	syscall.Read(from, conductor.secret)
	syscall.Close(from)
	syscall.CloseOnExec(conductor.pipe)
}

// conductorStart notes the tests that the go command found, for whoever calls this may make up others.
func conductorStart(deps testDeps, tests []InternalTest, fuzzTargets []InternalFuzzTarget, examples []InternalExample) {
	caller, _, _, _ := runtime.Caller(2)
	if conductor.left != nil || runtime.FuncForPC(caller).Name() != "main.main" {
		return
	}
	conductor.left = map[string]bool{}
	conductor.tests = tests
	expect := func(name string) {
		if fits, err := deps.MatchString(conductor.pattern, name); err == nil && fits {
			conductor.left[name] = true
		}
	}
	begun := func(name string) {
		conductor.Lock()
		defer conductor.Unlock()
		delete(conductor.left, name)
	}
	for i, test := range tests {
		expect(test.Name)
		tests[i].F = func(name string, f func(*T)) func(*T) {
			return func(t *T) { begun(name); f(t) }
		}(test.Name, test.F)
	}
	for i, target := range fuzzTargets {
		expect(target.Name)
		fuzzTargets[i].Fn = func(name string, f func(*F)) func(*F) {
			return func(t *F) { begun(name); f(t) }
		}(target.Name, target.Fn)
	}
	for i, example := range examples {
		expect(example.Name)
		examples[i].F = func(name string, f func()) func() {
			return func() { begun(name); f() }
		}(example.Name, example.F)
	}
}

// conductorReturned is called at the end of a run in which nothing failed.
func conductorReturned(m *M) {
	conductor.Lock()
	defer conductor.Unlock()
	isFirst := reflect.ValueOf(m.tests).Pointer() == reflect.ValueOf(conductor.tests).Pointer()
	if conductor.secret != nil && conductor.left != nil && len(conductor.left) == 0 && isFirst {
		syscall.Write(conductor.pipe, conductor.secret)
	}
}
