package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// showRecords prints what "kubectl get" shows.
func (d *demo) showRecords(ctx context.Context) error {
	_, err := d.show(ctx, "kubectl get contacts,enrollments")
	return err
}

const explanation = `All is in step, and keeps running until Ctrl-C. In another terminal, in this folder:

  . %[1]s    # kubectl with its KUBECONFIG, %[2]s, and the variables that the commands use

  # A learner takes another name:
  sed s/Maria/Mary/ %[3]s |
    %[4]s

  # A course code that no Course has: 409. The rest is carried out, and this too as soon as a Course has the code.
  sed s/1235A/9999Z/ %[3]s |
    %[4]s

  # A file of learners: what it would change, and then for good
  %[6]s push --dry-run %[7]s
  %[6]s push %[7]s

  # What came of it:
  kubectl get contacts,enrollments
  kubectl describe contact %[5]s

In a browser, what a learner sees, and where messages arrive:

  %[8]s/sandbox/learners/mlopez/
  %[8]s/sandbox/mailbox/

  # Let the learner do 62 percent of a course, and have that read now instead of within a day:
  kubectl patch learningplatform default --type merge -p '{"spec": {"learners": {"readProgress": true}}}'
  curl --noproxy '*' -X PUT --data 62 %[8]s/sandbox/learners/mlopez/courses/course-v1:GK+1234A+2017
  kubectl annotate course 1234a rollcall.dev/reconcile-requested-at="$(date +%%s)" --overwrite

  # Who wrote, and how far the delivery is:
  kubectl get learnermessages
`

// learner has two courses that are open, so that a change shows.
const learner = "000124"

// explain writes the file env and says what to do with it.
func (d *demo) explain(context.Context) error {
	file := d.path("env")
	d.onStop(func() { _ = os.Remove(file) })
	if err := d.environment.write(file); err != nil {
		return err
	}
	document := filepath.Join(documents, learner+".json")
	command := strings.ReplaceAll(fmt.Sprintf(put, "-", learner), "\n", "\n  ")
	fmt.Printf(explanation, relative(file), relative(d.path("kubeconfig")), document, command, learner,
		relative(filepath.Join(d.programs, "rollcall")), filepath.Join(documents, "learners.csv"), d.environment.get("LMS_URL"))
	return nil
}

// relative shortens a path to how it is called from the current folder.
func relative(path string) string {
	folder, err := os.Getwd()
	if err != nil {
		return path
	}
	short, err := filepath.Rel(folder, path)
	if err != nil {
		return path
	}
	return short
}
