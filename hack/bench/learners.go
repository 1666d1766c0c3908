package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const (
	learnerNamespace       = "learners"
	clientID, clientSecret = "rollcall", "rollcall-secret"
)

// learnerResult is what it took to bring learners in step, and to be told about them again.
type learnerResult struct {
	learners, enrollments int
	// acknowledged and ready are from the first PUT until the last answer, and until the last Contact was Ready.
	acknowledged, ready time.Duration
	writes, againWrites writes
	calls, againCalls   []openedxtest.Call
}

// measureLearners sends documents of new learners while a platform is connected, until all are in step, and then sends
// them again. The LMS is a stand-in that answers at once and throttles nothing: what counts are calls and writes.
func (b *bench) measureLearners(ctx context.Context) error {
	lms, address, stop, err := startLMS(ctx, b.enrollments)
	if err != nil {
		return err
	}
	defer stop()
	return b.withRollcall(ctx, learnerNamespace, func(ctx context.Context, office *backOffice) error {
		progress("Connecting the LMS")
		if err := b.connectLMS(ctx, "http://"+address); err != nil {
			return err
		}
		result := learnerResult{learners: b.learners, enrollments: b.enrollments}

		progress("Bringing %d learners in step", b.learners)
		before, err := b.settled(ctx)
		if err != nil {
			return err
		}
		lms.ResetCalls()
		if err := b.bringInStep(ctx, office, &result); err != nil {
			return err
		}
		between, err := b.settled(ctx)
		if err != nil {
			return err
		}
		result.writes, result.calls = between.since(before), lms.Calls()

		progress("Sending them again")
		lms.ResetCalls()
		if _, err := measure(ctx, b.concurrency, b.learners, func(ctx context.Context, i int) error {
			return office.put(ctx, newDocument("l", i, b.enrollments), http.StatusOK)
		}); err != nil {
			return err
		}
		after, err := b.settled(ctx)
		if err != nil {
			return err
		}
		result.againWrites, result.againCalls = after.since(between), lms.Calls()
		reportLearners(&result)
		return nil
	})
}

// bringInStep sends the documents and waits until every learner is Ready.
func (b *bench) bringInStep(ctx context.Context, office *backOffice, result *learnerResult) error {
	start := time.Now()
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		err := b.waitUntilReady(ctx, &v1alpha1.ContactList{}, b.learners)
		result.ready = time.Since(start)
		return err
	})
	tasks.Go(func() error {
		sent, err := measure(ctx, b.concurrency, b.learners, func(ctx context.Context, i int) error {
			return office.put(ctx, newDocument("l", i, b.enrollments), http.StatusCreated)
		})
		result.acknowledged = sent.took
		return err
	})
	return tasks.Wait()
}

// waitUntilReady watches until so many objects of a kind are Ready.
func (b *bench) waitUntilReady(ctx context.Context, kind client.ObjectList, count int) error {
	watcher, err := b.Watch(ctx, kind, client.InNamespace(learnerNamespace))
	if err != nil {
		return err
	}
	defer watcher.Stop()
	ready := map[string]bool{}
	for len(ready) < count {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d are Ready: %w", len(ready), count, context.Cause(ctx))
		case event, open := <-watcher.ResultChan():
			if !open || event.Type == watch.Error {
				return errors.New("the watch broke off")
			}
			o, ok := event.Object.(interface {
				client.Object
				GetObjectStatus() *v1alpha1.ObjectStatus
			})
			if ok && meta.IsStatusConditionTrue(o.GetObjectStatus().Conditions, v1alpha1.ConditionReady) {
				ready[o.GetName()] = true
			}
		}
	}
	return nil
}

// connectLMS makes a platform and its courses, and waits until Rollcall has found them on the LMS.
func (b *bench) connectLMS(ctx context.Context, url string) error {
	named := metav1.ObjectMeta{Namespace: learnerNamespace, Name: "default"}
	objects := []client.Object{
		&corev1.Secret{ObjectMeta: named, StringData: map[string]string{"client-id": clientID, "client-secret": clientSecret}},
		&v1alpha1.LearningPlatform{ObjectMeta: named, Spec: v1alpha1.LearningPlatformSpec{
			URL: url, CredentialsSecretRef: v1alpha1.SecretReference{Name: named.Name},
			AccountRoute: v1alpha1.AccountRouteEoxCore, EnrollmentRoute: v1alpha1.EnrollmentRouteEoxCore,
		}},
	}
	for i := range b.enrollments {
		objects = append(objects, course(learnerNamespace, i))
	}
	for _, o := range objects {
		if err := b.Create(ctx, o); err != nil {
			return err
		}
	}
	return errors.Join(
		b.waitUntilReady(ctx, &v1alpha1.LearningPlatformList{}, 1),
		b.waitUntilReady(ctx, &v1alpha1.CourseList{}, b.enrollments),
	)
}

// startLMS serves a stand-in with nobody in it but the service user.
func startLMS(ctx context.Context, courses int) (lms *openedxtest.Server, address string, stop func(), err error) {
	world := openedxtest.World{
		Applications: []openedxtest.Application{{ClientID: clientID, ClientSecret: clientSecret, Grant: "client-credentials", User: "rollcall_svc"}},
		Users:        []openedxtest.UserSpec{{Username: "rollcall_svc", Email: "rollcall_svc@example.com", Name: "Rollcall Service", Active: true, Staff: true}},
	}
	for i := range courses {
		world.Courses = append(world.Courses, openedxtest.CourseSpec{ID: courseKey(i), Name: courseCode(i), Modes: []openedxtest.ModeSpec{{Slug: "audit"}}})
	}
	lms = openedxtest.New(world, openedxtest.WithThrottle(0))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	server := &http.Server{Handler: lms, ReadHeaderTimeout: requestTimeout}
	go func() { _ = server.Serve(listener) }() // ends when it is closed; if before, the learners never get Ready
	return lms, listener.Addr().String(), func() { _ = server.Close() }, nil
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}
