ALTER TABLE `vision_users` ADD `streams` int unsigned, ADD `waits` int unsigned,
  ADD `pseudonym` varchar(64) character set ascii collate ascii_bin;
