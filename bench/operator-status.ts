// node bench/operator-status.ts [jobs]: how long getWorkerStatus takes over a table of two million jobs, on a private
// server or on the one of TEST_DATABASE_URL.
