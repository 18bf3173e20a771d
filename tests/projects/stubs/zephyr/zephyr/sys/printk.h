/* Stands in for Zephyr's. */
#include <stdio.h>
#define printk printf
