"""What planners write and run: scenarios, studies, reports and the command line."""
