package server

func Main(args []string) int { return 1 }
