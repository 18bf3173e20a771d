// Stands in for Arduino's core: prints to stdout, and ends after the first round of loop().
#pragma once
#include <cstdio>
#include <cstdlib>

struct StandInSerial {
  void begin(long) {}
  void print(const char *text) { std::fputs(text, stdout); }
};
static StandInSerial Serial;

void setup();
void loop();

inline void delay(unsigned long) {
  std::fflush(stdout);
  std::exit(0);
}

int main() {
  setup();
  for (;;) {
    loop();
  }
}
