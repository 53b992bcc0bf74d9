package main

import "errors"

func dist([]Target, string) error { return errors.New("not yet") }
