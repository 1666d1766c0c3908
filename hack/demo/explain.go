package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// showRecords prints what "kubectl get" shows.
func (d *demo) showRecords(ctx context.Context) error {
	_, err := d.show(ctx, "kubectl get contacts,enrollments")
	return err
}

const explanation = `All is in step and keeps running until Ctrl-C. In another terminal, in this folder:

  . %[1]s        # kubectl, its KUBECONFIG (%[2]s), and the variables below
  kubectl get contacts,enrollments --watch &

  # The learner changes her or his name:
  sed 's/Joe/Joseph/' %[3]s | %[4]s

  # A course code that nobody knows: 409. The rest is stored; all heals when a Course takes the code.
  sed 's/1234A/9999Z/' %[3]s | %[4]s

  kubectl describe contact 000123
`

// explain writes the file env and says what to do with it.
func (d *demo) explain(context.Context) error {
	file := d.path("env")
	d.onStop(func() { _ = os.Remove(file) })
	if err := d.environment.write(file); err != nil {
		return err
	}
	document := filepath.Join(documents, "000123.json")
	fmt.Printf(explanation, relative(file), relative(d.path("kubeconfig")), document, fmt.Sprintf(put, "-", "000123"))
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
