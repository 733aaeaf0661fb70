#include "load/civil.h"

#define DAY_SECONDS 86400

struct civil civil_at(time_t moment)
{
    struct tm local;
    localtime_r(&moment, &local);
    /* As if the clock on the wall were UTC: a day is 86,400 s of it, whatever daylight saving does. */
    long seconds = (long)moment + local.tm_gmtoff;
    long day = seconds >= 0 ? seconds / DAY_SECONDS : -((-seconds + DAY_SECONDS - 1) / DAY_SECONDS);
    unsigned weekday = (unsigned)(local.tm_wday + 6) % 7;
    unsigned second = (unsigned)(local.tm_hour * 3600 + local.tm_min * 60 + (local.tm_sec < 60 ? local.tm_sec : 59));
    return (struct civil){(int32_t)day, weekday * DAY_SECONDS + second};
}
