package graph

//go:generate go tool -C .. gqlgen generate
