package client

func endBySignals() (stop func()) { return func() {} }
