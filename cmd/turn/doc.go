// Command turn is the relay alone: a STUN and TURN server for any WebRTC application.
//
//	turn serve        run the relay; "turn serve --help" is the whole manual
//	turn credentials  mint a user name and password that the relay accepts for a while
//	turn doctor       find out what is wrong with this relay, or with any other
//	turn version
//
// It is package relay with sockets, configuration and signals: the same relay that Confab's own server has inside. Configuration
// comes from flags, TURN_* environment variables and a YAML file, and every fault in it is reported at once. It forwards for whoever
// holds credentials made with a secret of --secret-file (the TURN REST scheme, which other servers call static-auth-secret or
// use-auth-secret), or a password in --users-file. SIGHUP, and a change of the files, changes what can change without dropping anybody.
package main
