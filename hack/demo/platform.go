package main

import (
	"context"
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// lmsPort is the port that config/samples names.
const lmsPort = 18000

// startLMS starts the stand-in for Open edX.
func (d *demo) startLMS(ctx context.Context) error {
	address, err := freeAddress(ctx, lmsPort)
	if err != nil {
		return err
	}
	if err := d.startChild(filepath.Join(d.programs, "sandbox"), "--listen", address); err != nil {
		return err
	}
	url := "http://" + address
	d.environment.set("LMS_URL", url)
	return waitForAnswer(ctx, url)
}

// applySamples installs what GitOps would: the platform, its courses and mentors, and Rollcall's permissions.
func (d *demo) applySamples(ctx context.Context) error {
	for _, folder := range []string{"config/rbac", "config/samples"} {
		if _, err := d.show(ctx, "kubectl apply -k "+folder); err != nil {
			return err
		}
	}

	api, err := d.client()
	if err != nil {
		return err
	}
	platform := &v1alpha1.LearningPlatform{}
	if err := api.Get(ctx, client.ObjectKey{Namespace: "default", Name: "default"}, platform); err != nil {
		return err
	}
	url := d.environment.get("LMS_URL")
	if platform.Spec.URL != url {
		patch := fmt.Sprintf(`kubectl patch learningplatform default --type merge --patch '{"spec":{"url":"%s"}}'`, url)
		if _, err := d.show(ctx, patch); err != nil {
			return err
		}
	}

	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: "default", Name: platform.Spec.CredentialsSecretRef.Name}
	if err := api.Get(ctx, key, secret); err != nil {
		return err
	}
	d.environment.set("LMS_CLIENT_ID", string(secret.Data["client-id"]))
	d.environment.set("LMS_CLIENT_SECRET", string(secret.Data["client-secret"]))
	return nil
}

// client talks to the API server as an administrator.
func (d *demo) client() (client.Client, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return client.New(d.config, client.Options{Scheme: scheme})
}
