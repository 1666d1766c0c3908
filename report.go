package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/report"
)

const reportHelp = `Show for each course what was sold and what the LMS has, in both directions, and how the accounts stand.

It reads what the last sweeps found, says how old that is, and asks nothing of the LMS. It needs the permission to list
Courses and LearningPlatforms.

  MISSING     sold for today, and not enrolled
  OTHER MODE  enrolled in another mode than the Course states
  OVERDUE     enrolled, though access has ended or has not begun
  UNSOLD      enrolled and a Contact, and nobody sold them the course; Rollcall leaves them
  STRANGERS   enrolled, and no Contact has the account; Rollcall leaves them

Linked as kubectl-rollcall in a folder of the PATH, it is kubectl's: kubectl rollcall report.`

// reportCommand shows what the last sweeps found.
func reportCommand() *cobra.Command {
	var format string
	var everywhere bool
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	overrides := &clientcmd.ConfigOverrides{}
	c := &cobra.Command{
		Use:                   "report",
		Short:                 "Show what was sold and what the LMS has",
		Long:                  reportHelp,
		Example:               "  rollcall report\n  rollcall report --all-namespaces --output html > report.html",
		Args:                  cobra.NoArgs,
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, _ []string) error {
			write, known := report.Formats[format]
			if !known {
				return fmt.Errorf("--output is %q; it must be one of %s", format, strings.Join(slices.Sorted(maps.Keys(report.Formats)), ", "))
			}
			config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
			namespace, _, err := config.Namespace()
			if err != nil {
				return fmt.Errorf("cannot find a cluster: %w", err)
			}
			if everywhere {
				namespace = ""
			}
			restConfig, err := config.ClientConfig()
			if err != nil {
				return fmt.Errorf("cannot find a cluster: %w", err)
			}
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				return err
			}
			reader, err := client.New(restConfig, client.Options{Scheme: scheme})
			if err != nil {
				return fmt.Errorf("cannot reach the cluster: %w", err)
			}
			made, err := report.Make(c.Context(), reader, namespace, clock.RealClock{}.Now())
			if err != nil {
				return err
			}
			return write(made, c.OutOrStdout())
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVarP(&format, "output", "o", "table", "table, csv, or html: one page that needs nothing else")
	flags.StringVarP(&overrides.Context.Namespace, "namespace", "n", "", "namespace to report on (default: that of the kubeconfig's context)")
	flags.BoolVarP(&everywhere, "all-namespaces", "A", false, "report on all namespaces")
	flags.StringVar(&rules.ExplicitPath, "kubeconfig", "", "file that says how to reach the cluster (default: $KUBECONFIG, or ~/.kube/config)")
	flags.StringVar(&overrides.CurrentContext, "context", "", "context of the kubeconfig (default: its current one)")
	return c
}

// displayName is what the program is called in its help, as whoever calls it does.
func displayName() string {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "kubectl-") {
		return "kubectl rollcall"
	}
	return "rollcall"
}
