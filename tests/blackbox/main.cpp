#include "tests/support/leftovers.h"

int main(int argc, char** argv) { return forkdex::test::run_tests(argc, argv); }
