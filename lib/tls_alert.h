/* SPDX-License-Identifier: MIT */
#ifndef TALC_LIB_TLS_ALERT_H
#define TALC_LIB_TLS_ALERT_H

/** The alert's name as in RFC 8446 section 6 ("bad_certificate"), "unknown" for others. Static. */
const char *talc_tls_alert_name(int alert);

/** What the alert means for the side that receives it, as the rest of a sentence. Static. */
const char *talc_tls_alert_meaning(int alert);

#endif
