// Package controllers keeps the LMS in step with the cluster: a reconciler for each kind, whose Reconcile reads as
// a summary of itself.
//
// A visit of an object goes: fetch, deletion, suspend, finalizer, steps, one write of the status. Steps change the object
// in memory and return an outcome; only finish writes the status, and only if it changed.
package controllers
