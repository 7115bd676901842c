"""NetBox beside podyard: it keeps the intent, podyard keeps what is, and each shows the other's."""
