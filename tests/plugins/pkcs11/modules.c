/* PKCS#11 modules for the tests, built three ways.
 *
 * default   passes every call to the module named by TEST_P11_INNER, except:
 *             TEST_P11_FLAGS      flags (hexadecimal) added to CK_TOKEN_INFO.flags
 *             TEST_P11_FLAGS_AFTER_WRONG  flags added after a wrong PIN
 *             TEST_P11_PINPAD     the PIN a person would type at the device; C_Login must come without one
 *             TEST_P11_ALWAYS     private keys say CKA_ALWAYS_AUTHENTICATE, C_Sign wants a login of its own
 *             TEST_P11_ALWAYS_CODE the signing PIN, where it is not the login PIN
 *             TEST_P11_RAW        only CKM_RSA_X_509 is listed
 *             TEST_P11_REMOVE     C_Sign fails with CKR_DEVICE_REMOVED after so many signatures
 *             TEST_P11_VANISH     C_GetTokenInfo fails with CKR_TOKEN_NOT_PRESENT after so many calls
 *             TEST_P11_LOG        file to which every C_Login and C_Sign is written
 *             TEST_P11_NOISE      text printed to standard output at every call of C_GetTokenInfo
 *             TEST_P11_CRASH / TEST_P11_HANG   name of the call (load, token, login, sign) that crashes or hangs
 * -DPLAIN   a library that is no PKCS#11 module
 */
#ifdef PLAIN
int nothing_to_see(void) { return 0; }
#else
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong_t;
typedef struct { unsigned char major, minor; void *call[68]; } function_list;
typedef struct { ulong_t type; void *value; ulong_t length; } attribute;
enum { GET_FUNCTION_LIST = 3, GET_TOKEN_INFO = 6, GET_MECHANISM_LIST = 7, LOGIN = 18, GET_ATTRIBUTE_VALUE = 24,
       SIGN_INIT = 42, SIGN = 43 };

static function_list ours, *inner;
static int context_login, signatures, wrong_pins;

static void misbehave(const char *call) {
    const char *crash = getenv("TEST_P11_CRASH"), *hang = getenv("TEST_P11_HANG");
    if (crash && !strcmp(crash, call)) { volatile int *nowhere = 0; *nowhere = 1; }
    if (hang && !strcmp(hang, call)) for (;;) sleep(60);
}

static void note(const char *line) {
    const char *path = getenv("TEST_P11_LOG");
    FILE *file = path ? fopen(path, "a") : 0;
    if (file) { fprintf(file, "%s\n", line); fclose(file); }
}

static ulong_t get_token_info(ulong_t slot, unsigned char *info) {
    misbehave("token");
    static int calls;
    const char *noise = getenv("TEST_P11_NOISE"), *vanish = getenv("TEST_P11_VANISH");
    if (vanish && calls++ >= atoi(vanish)) return 0xE0; /* CKR_TOKEN_NOT_PRESENT */
    if (noise) { puts(noise); fflush(stdout); }
    ulong_t (*call)(ulong_t, void *) = inner->call[GET_TOKEN_INFO], result = call(slot, info), flags;
    if (result) return result;
    memcpy(&flags, info + 96, sizeof flags);
    if (getenv("TEST_P11_FLAGS")) flags |= strtoul(getenv("TEST_P11_FLAGS"), 0, 16);
    if (wrong_pins && getenv("TEST_P11_FLAGS_AFTER_WRONG")) flags |= strtoul(getenv("TEST_P11_FLAGS_AFTER_WRONG"), 0, 16);
    if (getenv("TEST_P11_PINPAD")) flags |= 0x100;
    memcpy(info + 96, &flags, sizeof flags);
    return 0;
}

static ulong_t get_mechanism_list(ulong_t slot, ulong_t *list, ulong_t *count) {
    ulong_t (*call)(ulong_t, void *, void *) = inner->call[GET_MECHANISM_LIST];
    if (!getenv("TEST_P11_RAW")) return call(slot, list, count);
    if (list) list[0] = 3; /* CKM_RSA_X_509 */
    *count = 1;
    return 0;
}

static ulong_t login(ulong_t session, ulong_t user, unsigned char *pin, ulong_t length) {
    misbehave("login");
    note(user == 2 ? "login context" : "login user");
    const char *pinpad = getenv("TEST_P11_PINPAD"), *signing = getenv("TEST_P11_ALWAYS_CODE");
    if (pinpad) {
        if (pin && length) return 7; /* CKR_ARGUMENTS_BAD: a PIN was sent over the wire */
        if (!strcmp(pinpad, "cancel")) return 0x50; /* CKR_FUNCTION_CANCELED */
        pin = (unsigned char *)pinpad;
        length = strlen(pinpad);
    }
    if (user == 2) {
        const char *wanted = signing ? signing : getenv("TEST_P11_ALWAYS");
        if (length != strlen(wanted) || memcmp(pin, wanted, length)) return 0xA0; /* CKR_PIN_INCORRECT */
        context_login = 1;
        return 0;
    }
    ulong_t (*call)(ulong_t, ulong_t, void *, ulong_t) = inner->call[LOGIN], result = call(session, user, pin, length);
    if (result == 0xA0) { wrong_pins++; note("wrong"); }
    return result;
}

static ulong_t get_attribute_value(ulong_t session, ulong_t object, attribute *list, ulong_t count) {
    ulong_t (*call)(ulong_t, ulong_t, void *, ulong_t) = inner->call[GET_ATTRIBUTE_VALUE];
    if (getenv("TEST_P11_ALWAYS") && count == 1 && list->type == 0x202) { /* CKA_ALWAYS_AUTHENTICATE */
        if (list->value) *(unsigned char *)list->value = 1;
        list->length = 1;
        return 0;
    }
    return call(session, object, list, count);
}

static ulong_t sign(ulong_t session, void *data, ulong_t length, void *value, ulong_t *value_length) {
    const char *remove = getenv("TEST_P11_REMOVE");
    if (value) {
        misbehave("sign");
        if (getenv("TEST_P11_ALWAYS") && !context_login) return 0x101; /* CKR_USER_NOT_LOGGED_IN */
        if (remove && signatures >= atoi(remove)) return 0x32; /* CKR_DEVICE_REMOVED */
        context_login = 0;
        signatures++;
        note("sign");
    }
    ulong_t (*call)(ulong_t, void *, ulong_t, void *, void *) = inner->call[SIGN];
    return call(session, data, length, value, value_length);
}

ulong_t C_GetFunctionList(function_list **list) {
    misbehave("load");
    void *library = dlopen(getenv("TEST_P11_INNER"), RTLD_NOW);
    if (!library) return 5;
    ulong_t (*get)(function_list **) = dlsym(library, "C_GetFunctionList");
    if (!get || get(&inner)) return 5;
    memcpy(&ours, inner, sizeof ours);
    ours.call[GET_FUNCTION_LIST] = C_GetFunctionList;
    ours.call[GET_TOKEN_INFO] = get_token_info;
    ours.call[GET_MECHANISM_LIST] = get_mechanism_list;
    ours.call[LOGIN] = login;
    ours.call[GET_ATTRIBUTE_VALUE] = get_attribute_value;
    ours.call[SIGN] = sign;
    *list = &ours;
    return 0;
}
#endif
