package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// stopWithMake stops the demo as Ctrl-C does when the make that started it is killed.
func stopWithMake() {
	if os.Getenv("MAKELEVEL") != "" {
		onParentDeath(syscall.SIGTERM)
	}
}

func onParentDeath(signal syscall.Signal) {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(signal), 0)
}

// becomeCalledProgram has the kernel kill the programs that envtest starts when the demo dies, as package child does for
// its own. envtest cannot be told to ask for that, so it gets links to the demo in place of the programs: called by such a name, the demo asks, and turns into
// the program.
func becomeCalledProgram() {
	name := filepath.Base(os.Args[0])
	if name != etcd && name != apiServer {
		return
	}
	runtime.LockOSThread()
	onParentDeath(syscall.SIGKILL)
	err := syscall.Exec(filepath.Join(assets(), name), os.Args, os.Environ()) //nolint:gosec // name is one of two
	fmt.Fprintf(os.Stderr, "cannot become %s: %v\n", name, err)
	os.Exit(1)
}

// linkTo gives the path that makes envtest start the program in this way.
func (d *demo) linkTo(program string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	link := d.path(program)
	return link, os.Symlink(self, link)
}
