//! The protocol around one case, explored exhaustively.
